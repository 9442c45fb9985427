//! The clinic's router: a fixed address for the box, its names, and a network for guests that reaches nothing else.

use super::super::STATE;
use super::{File, LEASE, Net, RecipeError, check_mac, check_name, refused};
use std::fmt::Write;

/// What the router is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Where the box is, in the network that phones join.
    pub net: Net,
    /// The network for guests: the router's address in it.
    pub guest: Net,
    /// The name of the guests' Wi-Fi.
    pub ssid: String,
    /// The box's hardware address.
    pub mac: String,
    /// Names that stand for the box.
    pub names: Vec<String>,
    /// The name under which phones trust the box's certificate, where there is one: for option 114 only.
    pub trusted: Option<String>,
}

impl Router {
    /// All files.
    ///
    /// # Errors
    /// Where a value cannot be written into them.
    pub fn files(&self) -> Result<Vec<File>, RecipeError> {
        check_mac(&self.mac)?;
        self.check_guest()?;
        self.names.iter().chain(&self.trusted).try_for_each(|name| check_name(name))?;
        let plain = |name, text| File { name, text, is_secret: false };
        Ok(vec![
            plain("router.txt", self.by_hand()),
            plain("dnsmasq.conf", self.dnsmasq()),
            plain("openwrt.sh", self.openwrt()),
            plain("unbound.conf", self.unbound()),
        ])
    }

    fn check_guest(&self) -> Result<(), RecipeError> {
        let Net { address, bits } = self.guest;
        if self.net.overlaps(self.guest) {
            return Err(refused("the guests' network", &format!("{address}/{bits}"), "another than the box is in"));
        }
        // It stands between quotation marks of a shell.
        let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\'' | '$' | '`' | '\\');
        match (1..=32).contains(&self.ssid.len()) && self.ssid.chars().all(is_plain) {
            true => Ok(()),
            false => {
                Err(refused("the network's name", &self.ssid, "1 to 32 bytes, without quotation marks, $, ` and backslash"))
            }
        }
    }

    fn all_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.iter().chain(&self.trusted).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// For a person in front of any router's own pages.
    fn by_hand(&self) -> String {
        let (address, mac, bits) = (self.net.address, &self.mac, self.net.bits);
        let names = self.all_names().join("\n     ");
        let mut text = format!(
            "ルーターの設定 / What to set at the router\n\n\
             1. 固定割り当て（DHCP予約） / Fixed lease\n     MAC {mac}  →  {address}  (/{bits})\n\n\
             2. 名前（ローカルDNS・ホスト名の登録） / Local DNS, host override: each of these names, address {address}\n     {names}\n   \
             「DNSリバインド保護」があれば、上の名前を除外します。 / With rebind protection, allow these names.\n   \
             名前を登録できないルーターでは、箱が答えます: `serve --dns-listen {address}:53` とし、DHCPのDNSサーバーを {address} にします。\n   \
             A router that cannot do this: let the box answer and give {address} as DNS server by DHCP.\n\n\
             3. 患者さん用のWi-Fi / Wi-Fi for patients\n     \
             別のVLAN（ゲストネットワーク）、端末どうしの通信は禁止、WPA2/WPA3。\n     A VLAN of its own (guest network), clients isolated, WPA2/WPA3.\n     \
             許可 / allow:  {address} TCP 80, 443; UDP 53 if the box answers names\n     \
             禁止 / deny:   それ以外の院内（電子カルテ、レセコン、管理画面、TCP 7443） / everything else inside\n\n\
             openwrt.sh は1から3まで、dnsmasq.conf は1と2、unbound.conf は2だけです。 / openwrt.sh does 1 to 3, dnsmasq.conf 1 and 2, unbound.conf 2 only.\n\n\
             4. インターネットがある間は、ルーター自身に任せます: `--portal off`（初期値）。\n   \
             While the router has internet, leave the portal off (the default).\n"
        );
        if let Some(trusted) = &self.trusted {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n5. DHCP option 114 (RFC 8910), with `--portal on` only: https://{trusted}{STATE}\n");
        }
        text
    }

    fn dnsmasq(&self) -> String {
        let mut text = format!(
            "# For a router with dnsmasq: a file in /etc/dnsmasq.d. The fixed lease and the names; the guests' network is the router's own: router.txt, 3.\n\
             dhcp-host={},{},infinite\n",
            self.mac, self.net.address
        );
        for name in self.all_names() {
            let _ = write!(text, "host-record={name},{},60\nlocal=/{name}/\nrebind-domain-ok=/{name}/\n", self.net.address);
        }
        if let Some(trusted) = &self.trusted {
            let _ = writeln!(text, "# Only while the box serves with --portal:\n#dhcp-option=114,https://{trusted}{STATE}");
        }
        text
    }

    fn unbound(&self) -> String {
        let mut text = "# For a router with unbound (OPNsense, pfSense: custom options). Names only: unbound lends no addresses and makes no networks.\n\
                        # The fixed lease and the guests' network are set at the router's own pages: router.txt, 1 and 3.\nserver:\n"
            .to_owned();
        for name in self.all_names() {
            let address = self.net.address;
            let _ = write!(
                text,
                "    local-zone: \"{name}.\" redirect\n    local-data: \"{name}. 60 IN A {address}\"\n    private-domain: \"{name}.\"\n"
            );
        }
        text
    }

    /// All sections have names of their own, and lists are emptied before they are filled: done again it changes nothing.
    fn openwrt(&self) -> String {
        let (uci, lists) = (self.openwrt_settings(), self.openwrt_lists());
        format!(
            "#!/bin/sh\n\
             # For OpenWrt: the fixed lease, the names, and a Wi-Fi for guests that reaches the box's pages, the internet, and nothing else of the clinic.\n\
             # To be run on the router; it asks for the passphrase of the guests' Wi-Fi. Done again it changes nothing.\n\
             set -e\n\
             printf 'Passphrase of the Wi-Fi for guests (8 to 63 characters): ' >&2\n\
             IFS= read -r passphrase\n\
             [ ${{#passphrase}} -ge 8 ] && [ ${{#passphrase}} -le 63 ] || {{ echo '8 to 63 characters, please' >&2; exit 1; }}\n\
             radios=$(uci -q show wireless | sed -n 's/^wireless\\.\\([A-Za-z0-9_]*\\)=wifi-device$/\\1/p')\n\
             [ -n \"$radios\" ] || echo 'No radio here: let your access points carry the network \"guest\" as a VLAN.' >&2\n\
             # What an earlier run left in lists.\n\
             {{\n{lists}}} || true\n\
             uci batch <<'END'\n{uci}END\n\
             for radio in $radios; do\n\
             uci set \"wireless.kusuribako_$radio=wifi-iface\"\n\
             uci set \"wireless.kusuribako_$radio.device=$radio\"\n\
             uci set \"wireless.kusuribako_$radio.mode=ap\"\n\
             uci set \"wireless.kusuribako_$radio.network=guest\"\n\
             uci set \"wireless.kusuribako_$radio.ssid={ssid}\"\n\
             # WPA3 where the phone has it, else WPA2; phones do not see each other.\n\
             uci set \"wireless.kusuribako_$radio.encryption=sae-mixed\"\n\
             uci set \"wireless.kusuribako_$radio.key=$passphrase\"\n\
             uci set \"wireless.kusuribako_$radio.isolate=1\"\n\
             uci set \"wireless.$radio.disabled=0\"\n\
             done\n\
             uci commit\n\
             reload_config\n",
            ssid = self.ssid
        )
    }

    fn openwrt_lists(&self) -> String {
        let names: String = self
            .all_names()
            .iter()
            .map(|name| format!("uci -q del_list \"dhcp.@dnsmasq[0].rebind_domain={name}\"\n"))
            .collect();
        format!("{names}uci -q delete firewall.guest.network\n")
    }

    fn openwrt_settings(&self) -> String {
        let (address, guest, (from, to)) = (self.net.address, self.guest, self.guest.lent());
        let mut uci = Uci::default();
        uci.section("dhcp.kusuribako", "host", &[("mac", &self.mac), ("ip", &address.to_string()), ("leasetime", "infinite")]);
        for (at, name) in self.all_names().into_iter().enumerate() {
            uci.section(&format!("dhcp.kusuribako_name{at}"), "domain", &[("name", name), ("ip", &address.to_string())]);
            uci.list("dhcp.@dnsmasq[0].rebind_domain", name);
        }
        uci.section("network.guest_bridge", "device", &[("type", "bridge"), ("name", "br-guest")]);
        let (own, mask) = (guest.address.to_string(), guest.mask().to_string());
        uci.section(
            "network.guest",
            "interface",
            &[("proto", "static"), ("device", "br-guest"), ("ipaddr", &own), ("netmask", &mask)],
        );
        let first = u32::from(guest.first());
        let (start, limit) = ((u32::from(from) - first).to_string(), (u32::from(to) - u32::from(from) + 1).to_string());
        uci.section(
            "dhcp.guest",
            "dhcp",
            &[("interface", "guest"), ("start", &start), ("limit", &limit), ("leasetime", LEASE)],
        );
        uci.section(
            "firewall.guest",
            "zone",
            &[("name", "guest"), ("input", "REJECT"), ("output", "ACCEPT"), ("forward", "REJECT")],
        );
        uci.list("firewall.guest.network", "guest");
        uci.section("firewall.guest_wan", "forwarding", &[("src", "guest"), ("dest", "wan")]);
        uci.section(
            "firewall.guest_dhcp",
            "rule",
            &rule("Guests: leases", &[("proto", "udp"), ("dest_port", "67"), ("family", "ipv4")]),
        );
        uci.section("firewall.guest_dns", "rule", &rule("Guests: names", &[("proto", "tcp udp"), ("dest_port", "53")]));
        let to_box = address.to_string();
        let pages = [("dest", "lan"), ("dest_ip", &*to_box), ("dest_port", "80 443"), ("proto", "tcp")];
        uci.section("firewall.kusuribako", "rule", &rule("Guests to Kusuribako", &pages));
        uci.0
    }
}

/// A rule that lets guests through, as options of its section.
fn rule<'v>(name: &'v str, more: &[(&'v str, &'v str)]) -> Vec<(&'v str, &'v str)> {
    [&[("name", name), ("src", "guest"), ("target", "ACCEPT")][..], more].concat()
}

/// Lines of `uci batch`.
#[derive(Default)]
struct Uci(String);

impl Uci {
    fn section(&mut self, section: &str, kind: &str, options: &[(&str, &str)]) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "set {section}={kind}");
        for (option, value) in options {
            let _ = writeln!(self.0, "set {section}.{option}='{value}'");
        }
    }

    fn list(&mut self, list: &str, value: &str) {
        let _ = writeln!(self.0, "add_list {list}='{value}'");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router {
        let net = |address: &str| Net::new(address.parse().unwrap(), 24).unwrap();
        Router {
            net: net("192.168.1.5"),
            guest: net("192.168.77.1"),
            ssid: "Kusuribako".to_owned(),
            mac: "02:00:00:12:34:56".to_owned(),
            names: vec!["kusuri.internal".to_owned()],
            trusted: None,
        }
    }

    #[test]
    fn the_guests_network_is_another_than_the_clinics() {
        assert!(router().files().is_ok());
        for (address, bits) in [("192.168.1.1", 24), ("192.168.1.129", 28), ("192.168.0.1", 16)] {
            let guest = Net::new(address.parse().unwrap(), bits).unwrap();
            let said = Router { guest, ..router() }.files().unwrap_err().to_string();
            assert!(said.contains("guests") && said.contains(address), "{said}");
        }
        for ssid in ["", "a'b", "a\"b", "a$b", "a`b", "a\\b", "a\nb", "くすりばこのわいふぁい"] {
            assert!(Router { ssid: ssid.to_owned(), ..router() }.files().is_err(), "{ssid:?}");
        }
    }
}
