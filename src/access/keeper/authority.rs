//! This box's own authority under the region's: its key, its doorplate, and the certificate that it makes itself.

use super::super::Held;
use super::super::authority;
use super::super::board::{Doing, Tried};
use super::super::config::Config;
use super::super::files::{self, Kept};
use super::super::pair::Pair;
use super::{Keeper, Memory};
use crate::region::reach::Doorplate;
use crate::sentence::Sentence;

impl Keeper {
    /// This box's own authority, and a certificate by it once the region's authority has signed it.
    pub(super) fn read_authority(&self, memory: &mut Memory) {
        let names = memory.config.as_ref().map(|config| self.all_names(config)).unwrap_or_default();
        if names.is_empty() {
            return;
        }
        let kept = Kept::of(&self.dir);
        let made = self.own_authority(&kept).and_then(|own| {
            self.tell(&own, &names)?;
            self.follow_authority(&kept, &own, names, memory)
        });
        match made {
            Ok(false) => {}
            Ok(true) => self.note(Doing::Authority, None),
            Err(why) => {
                let is_known = matches!(self.ladder.last(Doing::Authority), Some(Tried { failed: Some((_, say)), .. }) if say.en.contains(&why));
                if !is_known {
                    let ja = format!(
                        "地域の認証局の証明書が作れません。地域の代表者に kusuribako access authority をたのんでください。（{why}）"
                    );
                    self.note(Doing::Authority, Some(("authority", Sentence { ja, en: why })));
                }
            }
        }
    }

    fn own_authority(&self, kept: &Kept) -> Result<String, String> {
        if let Some(own) = kept.read(files::AUTHORITY).map_err(|e| e.to_string())? {
            return String::from_utf8(own).map_err(|e| e.to_string());
        }
        let own = authority::new_key().map_err(|e| e.to_string())?;
        kept.write(files::AUTHORITY, own.as_bytes()).map_err(|e| e.to_string())?;
        Ok(own)
    }

    fn tell(&self, own: &str, names: &[String]) -> Result<(), String> {
        let declared = self.ladder.declared();
        let doorplate = Doorplate {
            names: names.to_vec(),
            key: authority::public_key(own).map_err(|e| e.to_string())?,
            http: declared.as_ref().map(|declared| declared.by.to_string()),
            http_since_ms: declared.as_ref().map(|declared| declared.at_ms),
        };
        // Each time: the region knows what it was told already, and this box may have joined it since.
        self.around.tell(&doorplate);
        Ok(())
    }

    /// Takes over or makes the certificate; whether one was made.
    fn follow_authority(&self, kept: &Kept, own: &str, names: Vec<String>, memory: &mut Memory) -> Result<bool, String> {
        let Some(signed) = self.around.signed() else { return Ok(false) };
        let now_ms = self.ladder.now_ms();
        let wanted = (signed, names);
        let is_fresh = |pair: &Pair| now_ms < pair.renew_from_ms();
        if memory.signed.as_ref() == Some(&wanted) && self.ladder.b().is_some_and(|held| is_fresh(&held.pair)) {
            return Ok(false);
        }
        let lying = kept.read(files::BOX).ok().flatten().and_then(|bytes| Pair::read(&bytes, &bytes).ok());
        let usable = lying
            .filter(|pair| is_fresh(pair) && pair.is_followed_by(&wanted.0) && wanted.1.iter().all(|name| pair.covers(name)));
        let pair = match usable {
            Some(pair) => pair,
            None => {
                let pair = authority::box_pair(own, &wanted.0, &wanted.1, now_ms).map_err(|e| e.to_string())?;
                kept.write(files::BOX, pair.pem().as_bytes()).map_err(|e| e.to_string())?;
                pair
            }
        };
        self.ladder.set_b(Some(Held::new(pair).map_err(|e| e.to_string())?));
        memory.signed = Some(wanted);
        Ok(true)
    }

    /// The names that certificates are for: the settings', and the one that the region chose for all boxes.
    pub(super) fn all_names(&self, config: &Config) -> Vec<String> {
        let mut names = config.all_names();
        names.extend(self.around.shared_name().filter(|shared| !config.names.is_empty() && !names.contains(shared)));
        names
    }
}
