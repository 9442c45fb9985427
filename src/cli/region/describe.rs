//! `region describe`: what the region says of a site follows what the site says of itself, by the region's word.

use super::joining::done;
use super::keys::waits;
use super::troubles::{Shown, both};
use crate::cli::output::Output;
use crate::cli::secrets::{Signing, WordArgs};
use crate::membership::{Member, wish};
use crate::region::Region;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Args)]
pub(crate) struct DescribeArgs {
    /// A site's name, or the first digits of a site's or node's id
    who: String,
    #[command(flatten)]
    word: WordArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Describe {
    who: String,
    signing: Signing,
    json: bool,
}

impl DescribeArgs {
    pub(super) fn read(self) -> anyhow::Result<Describe> {
        Ok(Describe { who: self.who, signing: self.word.read()?, json: self.json })
    }
}

pub(super) fn describe(member: &Member, describe: &Describe, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (admitted, said) = member.describe(member.find_site(&describe.who)?, &describe.signing.word()?)?;
    let (name, host) = (&admitted.name, &admitted.host);
    let (capacity, damage) = (admitted.capacity_patients, f64::from(admitted.damage_ppm) / 1e6);
    if describe.json {
        return done(output.json(&json!({
            "site": admitted.site.to_string(), "name": name, "host": host, "capacity": capacity, "damage": damage,
            "statement": said.statement.to_string(), "counts": said.counts,
        })));
    }
    output.result(format_args!("{name}: host {host:?}, capacity {capacity}, damage {damage}{}", waits(&said)))?;
    output.say("Who holds whose copies may be better otherwise now: `kusuribako region place --propose --explain`.");
    done(Ok(()))
}

/// Sites that say something else of themselves than the region does.
pub(super) fn wishes(region: &Region) -> Vec<Shown> {
    let wished = region.sites().values().filter_map(|site| Some((site, wish(region, site)?)));
    let shown = |(site, wished): (&crate::region::Site, crate::region::payload::Description)| {
        let (name, own) = (&site.described.name, &wished.name);
        let before = &site.described;
        let mut changed = Vec::new();
        let mut differs = |what: (&str, &str), old: String, new: String| {
            if old != new {
                changed.push((format!("{}「{old}」→「{new}」", what.0), format!("{} {old:?} → {new:?}", what.1)));
            }
        };
        differs(("名称", "name"), name.clone(), own.clone());
        differs(("読み", "reading"), before.reading.clone(), wished.reading.clone());
        differs(("建物・機械", "host"), before.host.clone(), wished.host.clone());
        differs(("収容数", "capacity"), before.capacity_patients.to_string(), wished.capacity_patients.to_string());
        differs(("被害確率", "damage"), ppm(before.damage_ppm), ppm(wished.damage_ppm));
        differs(("位置", "place"), format!("{:?}", before.place), format!("{:?}", wished.place));
        let (ja, en): (Vec<String>, Vec<String>) = changed.into_iter().unzip();
        Shown {
            kind: "site-wishes",
            sentence: both(
                format!("「{name}」が自分について知らせた内容が、地域の記載と違います（{}）。", ja.join("、")),
                format!("{name} says of itself what the region does not say ({}).", en.join(", ")),
            ),
            next_action: both(
                format!("その医院に確かめてから、`kusuribako region describe {name} --root FILE` を実行してください。"),
                format!("Ask that clinic whether it is so, then run `kusuribako region describe {name} --root FILE`."),
            ),
        }
    };
    wished.map(shown).collect()
}

fn ppm(parts: u32) -> String {
    (f64::from(parts) / 1e6).to_string()
}
