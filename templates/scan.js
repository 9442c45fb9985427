// Where the browser can read QR codes itself and the page came safely, a camera fills the card's field. Everything works without.
(async () => {
  const place = document.getElementById('camera'), field = document.getElementById('code');
  if (!place || !field || !window.isSecureContext || !('BarcodeDetector' in window) || !navigator.mediaDevices) return;
  if (!(await BarcodeDetector.getSupportedFormats()).includes('qr_code')) return;
  const button = document.createElement('button');
  button.type = 'button'; button.className = 'quiet'; button.textContent = place.dataset.button;
  place.append(button);
  button.onclick = async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    } catch {
      const said = document.createElement('span');
      said.setAttribute('role', 'alert'); said.textContent = place.dataset.refused;
      button.remove(); place.append(said);
      return;
    }
    const video = document.createElement('video');
    video.srcObject = stream; video.playsInline = true; video.className = 'picture';
    place.append(video); await video.play();
    const detector = new BarcodeDetector({ formats: ['qr_code'] });
    const end = () => { stream.getTracks().forEach(track => track.stop()); video.remove(); };
    setTimeout(end, 60000);
    while (stream.active) {
      const [found] = await detector.detect(video);
      if (found) { field.value = found.rawValue; end(); field.form.requestSubmit(); return; }
      await new Promise(requestAnimationFrame);
    }
  };
})();
