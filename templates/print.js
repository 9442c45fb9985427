// Adds a print button; without it the browser's own "print" does the same.
const how = document.getElementById("how");
const button = document.createElement("button");
button.textContent = how.dataset.button;
button.addEventListener("click", () => window.print());
how.after(button);
