//! The clinic's router: a fixed address for the box, its names, and a network for guests that reaches nothing else.

use super::super::WELCOME;
use super::{File, Net, RecipeError, check_mac, check_name};
use std::fmt::Write;

/// What the router is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Where the box is, in the network that phones join.
    pub net: Net,
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
        self.names.iter().chain(&self.trusted).try_for_each(|name| check_name(name))?;
        let plain = |name, text| File { name, text, is_secret: false };
        Ok(vec![
            plain("router.txt", self.by_hand()),
            plain("dnsmasq.conf", self.dnsmasq()),
            plain("openwrt.sh", self.openwrt()),
            plain("unbound.conf", self.unbound()),
        ])
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
             4. インターネットがある間は、ルーター自身に任せます: `--portal off`（初期値）。\n   \
             While the router has internet, leave the portal off (the default).\n"
        );
        if let Some(trusted) = &self.trusted {
            // Writing to a String cannot fail.
            let _ =
                write!(text, "\n5. DHCP option 114 (RFC 8910), with `--portal on` only: https://{trusted}{WELCOME}/state\n");
        }
        text
    }

    fn dnsmasq(&self) -> String {
        let mut text = format!(
            "# For a router with dnsmasq: a file in /etc/dnsmasq.d.\ndhcp-host={},{},infinite\n",
            self.mac, self.net.address
        );
        for name in self.all_names() {
            let _ = write!(text, "host-record={name},{},60\nlocal=/{name}/\nrebind-domain-ok=/{name}/\n", self.net.address);
        }
        if let Some(trusted) = &self.trusted {
            let _ =
                writeln!(text, "# Only while the box serves with --portal:\n#dhcp-option=114,https://{trusted}{WELCOME}/state");
        }
        text
    }

    fn unbound(&self) -> String {
        let mut text = "# For a router with unbound (OPNsense, pfSense: custom options).\nserver:\n".to_owned();
        for name in self.all_names() {
            let address = self.net.address;
            let _ = write!(
                text,
                "    local-zone: \"{name}.\" redirect\n    local-data: \"{name}. 60 IN A {address}\"\n    private-domain: \"{name}.\"\n"
            );
        }
        text
    }

    fn openwrt(&self) -> String {
        let address = self.net.address;
        let mut text = format!(
            "#!/bin/sh\n# For OpenWrt: lease, names, and a zone for guests that reaches the box's pages and nothing else.\nset -e\n\
             uci batch <<'END'\n\
             set dhcp.kusuribako=host\nset dhcp.kusuribako.mac='{mac}'\nset dhcp.kusuribako.ip='{address}'\nset dhcp.kusuribako.leasetime='infinite'\n",
            mac = self.mac
        );
        for (at, name) in self.all_names().into_iter().enumerate() {
            let _ = write!(
                text,
                "set dhcp.kusuribako_name{at}=domain\nset dhcp.kusuribako_name{at}.name='{name}'\nset dhcp.kusuribako_name{at}.ip='{address}'\n\
                 add_list dhcp.@dnsmasq[0].rebind_domain='{name}'\n"
            );
        }
        let _ = write!(
            text,
            "set firewall.kusuribako=rule\nset firewall.kusuribako.name='Guests to Kusuribako'\nset firewall.kusuribako.src='guest'\n\
             set firewall.kusuribako.dest='lan'\nset firewall.kusuribako.dest_ip='{address}'\nset firewall.kusuribako.dest_port='80 443'\n\
             set firewall.kusuribako.proto='tcp'\nset firewall.kusuribako.target='ACCEPT'\ncommit dhcp\ncommit firewall\nEND\n\
             /etc/init.d/dnsmasq restart\n/etc/init.d/firewall reload\n\
             # The guest network itself (SSID, isolation '1', zone 'guest' without forwarding to 'lan'): see OpenWrt's \"Guest Wi-Fi basics\".\n"
        );
        text
    }
}
