//! The page of `region status` that people read: what is wrong and what to do about it first, then who is there and who holds what.

use super::carried;
use super::troubles::{Shown, both};
use crate::cli::output::Output;
use crate::region::Region;
use crate::sentence::Sentence;
use serde_json::Value;

/// How the page is shown.
pub(super) struct Page<'a> {
    pub(super) region: &'a Region,
    /// Whether a server runs, and knows of the others.
    pub(super) is_served: bool,
    pub(super) is_japanese: bool,
}

/// What troubles say; that there are none is worth a line, too.
pub(super) fn print_troubles(troubles: &[Shown], is_japanese: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    for trouble in troubles {
        print_trouble(pick(&trouble.sentence, is_japanese), pick(&trouble.next_action, is_japanese), output)?;
    }
    Ok(())
}

fn print_trouble(sentence: &str, next_action: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
    output.result(format_args!("! {sentence}\n  {next_action}"))
}

const fn pick(said: &Sentence, is_japanese: bool) -> &str {
    if is_japanese { said.ja.as_str() } else { said.en.as_str() }
}

impl Page<'_> {
    pub(super) fn print(
        &self,
        troubles: &[Shown],
        set_aside: &[Value],
        sites: &[Value],
        ledgers: &[Value],
        output: &mut Output<'_>,
    ) -> anyhow::Result<()> {
        output.result(format_args!("{}  {}", self.region.founded().name, self.region.id()))?;
        if !self.is_served {
            output.result(self.say(
                "この箱は動いていません。ほかの箱のようすは、`kusuribako serve` で動かすとわかります。",
                "This box is not being served: what it says of others is known while `kusuribako serve` runs.",
            ))?;
        }
        if troubles.is_empty() && set_aside.is_empty() {
            output.result(
                self.say("この箱の知るかぎり、困ったことはありません。", "Nothing is wrong, as far as this box knows."),
            )?;
        }
        print_troubles(troubles, self.is_japanese, output)?;
        let language = if self.is_japanese { "ja" } else { "en" };
        for row in set_aside {
            let sentence = format!("{}: {}", text(row, "name"), text(&row["sentence"], language));
            print_trouble(&sentence, text(&row["next_action"], language), output)?;
        }
        output.result(self.say("\n施設", "\nClinics"))?;
        for site in sites {
            output.result(self.site_line(site))?;
        }
        for ledger in ledgers {
            self.print_ledger(ledger, output)?;
        }
        Ok(())
    }

    /// Copies on laptops and sticks.
    pub(super) fn print_carried(&self, carried: &[Value], output: &mut Output<'_>) -> anyhow::Result<()> {
        if carried.is_empty() {
            return Ok(());
        }
        output.result(self.say("\n持ち出し用の写し", "\nCarried copies"))?;
        carried.iter().try_for_each(|row| output.result(format_args!("  {}", carried::line(row, self.is_japanese))))
    }

    fn say(&self, ja: &str, en: &str) -> String {
        if self.is_japanese { ja.to_owned() } else { en.to_owned() }
    }

    fn site_line(&self, site: &Value) -> String {
        let contact = match (site["self"].as_bool(), site["reachable"].as_bool(), site["last_contact_s"].as_u64()) {
            (Some(true), ..) => self.say("この箱", "this one"),
            (_, Some(true), _) => self.say("応答あり", "answers"),
            (_, _, Some(seconds)) => self.say(&format!("{seconds}秒応答なし"), &format!("silent for {seconds} s")),
            (_, _, None) => self.say("まだ応答なし", "not heard"),
        };
        let state = match text(site, "state") {
            "active" => both("使用中", "active"),
            "retired" => both("引退", "retired"),
            "revoked" => both("失効", "revoked"),
            other => both(other, other),
        };
        let state = pick(&state, self.is_japanese);
        format!("{:.8}  {state:8}  {contact:12}  {}", text(site, "site"), text(site, "name"))
    }

    fn print_ledger(&self, ledger: &Value, output: &mut Output<'_>) -> anyhow::Result<()> {
        let home = self.name(text(ledger, "home"));
        output.result(self.say(&format!("「{home}」の記録"), &format!("Records of {home}")))?;
        for holder in ledger["holders"].as_array().into_iter().flatten() {
            output.result(format_args!("  {}: {}", self.name(text(holder, "site")), self.copy(holder)))?;
        }
        Ok(())
    }

    fn copy(&self, holder: &Value) -> String {
        let unlock = match holder["unlock"].as_str() {
            Some("open") => self.say("開いている", "open"),
            Some("locked") => self.say("職員証で開く", "locked"),
            Some("card only") => self.say("カードでだけ開く", "card only"),
            Some(_) | None => self.say("開き方は不明", "unlock not known"),
        };
        let (Some(entries), Some(behind)) = (holder["entries"].as_u64(), holder["behind"].as_u64()) else {
            return self.say("まだ何も聞いていない", "nothing heard of it yet");
        };
        let proven = match holder["age_s"].as_u64() {
            Some(age_s) => self.say(&format!("{age_s}秒前に確認"), &format!("proven {age_s} s ago")),
            None => self.say("未確認", "not proven yet"),
        };
        self.say(
            &format!("{entries}件、遅れ{behind}件、{proven}、{unlock}"),
            &format!("{entries} entries, {behind} behind, {proven}, {unlock}"),
        )
    }

    fn name(&self, id: &str) -> &str {
        let mut sites = self.region.sites().values();
        sites.find(|site| site.id.to_string() == id).map_or("?", |site| site.described.name.as_str())
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
