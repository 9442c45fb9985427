//! An access point of the box's own, for a place without any network: hostapd and dnsmasq, and the units that start them.

use super::super::{STATE, probe};
use super::{File, LEASE, Net, RecipeError, check_interface, check_name, refused};
use std::fmt::Write;

/// What the access point is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ap {
    /// The radio.
    pub interface: String,
    /// Where phones are.
    pub net: Net,
    /// Names that stand for the box.
    pub names: Vec<String>,
    /// The name under which phones trust the box's certificate, where there is one: for option 114 only.
    pub trusted: Option<String>,
    /// The network's name.
    pub ssid: String,
    /// What is typed to join.
    pub passphrase: String,
    /// 1 to 13, in the 2.4 GHz band, which every phone has.
    pub channel: u8,
}

impl Ap {
    /// All files.
    ///
    /// # Errors
    /// Where a value cannot be written into them.
    pub fn files(&self) -> Result<Vec<File>, RecipeError> {
        self.check()?;
        let plain = |name, text| File { name, text, is_secret: false };
        Ok(vec![
            File { name: "hostapd.conf", text: self.hostapd(), is_secret: true },
            plain("dnsmasq.conf", self.dnsmasq()),
            plain("kusuribako-ap-address.service", self.address_unit()),
            plain("kusuribako-ap-radio.service", RADIO_UNIT.to_owned()),
            plain("kusuribako-ap-names.service", NAMES_UNIT.to_owned()),
            plain("kusuribako.default", self.settings()),
            plain("README.txt", self.readme()),
        ])
    }

    fn check(&self) -> Result<(), RecipeError> {
        check_interface(&self.interface)?;
        self.names.iter().chain(&self.trusted).try_for_each(|name| check_name(name))?;
        let is_printable = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if !(8..=63).contains(&self.passphrase.len())
            || !is_printable(&self.passphrase)
            || self.passphrase.trim() != self.passphrase
        {
            return Err(refused("the passphrase", "…", "8 to 63 characters of ASCII, with no blank at its ends"));
        }
        if !(1..=32).contains(&self.ssid.len()) || self.ssid.chars().any(|c| c.is_control() || c == '"') {
            return Err(refused("the network's name", &self.ssid, "1 to 32 bytes, without quotation marks"));
        }
        match self.channel {
            1..=13 => Ok(()),
            other => Err(refused("the channel", &other.to_string(), "1 to 13")),
        }
    }

    /// WPA3 for phones that have it, WPA2 for those that have not; phones do not see each other.
    fn hostapd(&self) -> String {
        let Self { interface, ssid, passphrase, channel, .. } = self;
        format!(
            "# The clinic's own Wi-Fi. Belongs in /etc/kusuribako/ap, for root only.\n\
             interface={interface}\ndriver=nl80211\ncountry_code=JP\nieee80211d=1\nhw_mode=g\nchannel={channel}\nieee80211n=1\nwmm_enabled=1\n\
             ssid2=\"{ssid}\"\nutf8_ssid=1\n\
             # Phones do not see each other: what one sends, none but the box can answer.\n\
             ap_isolate=1\n\
             # WPA3 where the phone has it, else WPA2; frames that manage the connection are protected where they can be.\n\
             auth_algs=1\nwpa=2\nwpa_key_mgmt=WPA-PSK SAE\nrsn_pairwise=CCMP\nieee80211w=1\nsae_require_mfp=1\n\
             wpa_passphrase={passphrase}\nsae_password={passphrase}\n\
             # A phone that is gone makes room.\n\
             max_num_sta=255\nap_max_inactivity=300\ndisassoc_low_ack=1\n"
        )
    }

    /// Leases and names. Nothing is forwarded: what is not here is refused at once, so that phones do not wait.
    fn dnsmasq(&self) -> String {
        let Self { interface, net, .. } = self;
        let ((from, to), mask, address) = (net.lent(), net.mask(), net.address);
        let mut text = format!(
            "# Leases and names of the clinic's own Wi-Fi. Belongs in /etc/kusuribako/ap.\n\
             interface={interface}\nexcept-interface=lo\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\ncache-size=0\nlocal-ttl=60\n\
             dhcp-range={from},{to},{mask},{LEASE}\ndhcp-authoritative\ndhcp-lease-max=2000\n\
             dhcp-leasefile=/run/kusuribako-ap/leases\n\
             # The box routes nothing; without a router phones would not stay.\n\
             dhcp-option=option:router,{address}\ndhcp-option=option:dns-server,{address}\n\
             # The box.\n"
        );
        for name in self.all_names() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "host-record={name},{address}");
        }
        text.push_str("# Where phones look for the internet: the box answers, if it serves with --portal.\n");
        for host in probe::hosts() {
            let _ = writeln!(text, "host-record={host},{address},5");
        }
        text.push_str("host-record=dns.msftncsi.com,131.107.255.255,5\n");
        if let Some(trusted) = &self.trusted {
            let _ = writeln!(
                text,
                "# RFC 8910: phones ask the box itself. Only with a certificate that they trust.\ndhcp-option=114,https://{trusted}{STATE}"
            );
        }
        text
    }

    fn address_unit(&self) -> String {
        let Self { interface, net, .. } = self;
        format!(
            "[Unit]\nDescription=Address of the clinic's own Wi-Fi\nBindsTo=sys-subsystem-net-devices-{}.device\n\
             After=sys-subsystem-net-devices-{}.device\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n\
             ExecStart=/usr/sbin/ip address replace {}/{} dev {interface}\nExecStart=/usr/sbin/ip link set {interface} up\n\n\
             [Install]\nWantedBy=multi-user.target\n",
            escaped(interface),
            escaped(interface),
            net.address,
            net.bits
        )
    }

    fn all_names(&self) -> Vec<&str> {
        let mut named: Vec<&str> = self.names.iter().chain(&self.trusted).map(String::as_str).collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// What the box is told: both ports by the system's sockets, the portal, and every name of the network's own name server. TLS is listened for
    /// whether or not there is a certificate: option 114 leads there as soon as there is.
    fn settings(&self) -> String {
        let hosts: String = self.all_names().into_iter().map(|name| format!(" --host {name}")).collect();
        format!(
            "# On the clinic's own Wi-Fi, in the place of KUSURIBAKO_OPTIONS in /etc/default/kusuribako. Ports 80 and 443 are opened by the system:\n\
             # systemctl enable kusuribako-https.socket kusuribako-http.socket; systemctl restart kusuribako\n\
             KUSURIBAKO_OPTIONS=\"--listen 127.0.0.1:8080 --https-listen [::]:443 --http-listen [::]:80{hosts} --portal on\"\n"
        )
    }

    fn readme(&self) -> String {
        let Self { interface, net, .. } = self;
        format!(
            "避難所キット: 箱が自分で出すWi-Fi / A Wi-Fi of the box's own\n\n\
             1. apt install hostapd dnsmasq-base iproute2\n\
             2. install -d -m 700 /etc/kusuribako/ap; cp hostapd.conf dnsmasq.conf /etc/kusuribako/ap/; cp *.service /etc/systemd/system/\n\
             3. systemctl daemon-reload; systemctl enable --now kusuribako-ap-address kusuribako-ap-radio kusuribako-ap-names\n\
             4. cp --backup=numbered kusuribako.default /etc/default/kusuribako\n   \
             systemctl enable kusuribako-https.socket kusuribako-http.socket; systemctl restart kusuribako\n\n\
             証明書がなければ、患者さんのページは職員がhttpを開けてから読めます（バッジか、封筒の番号で） / \n\
             Without a certificate patients read once somebody of the staff opens http, by a badge or a sealed envelope:\n   \
             kusuribako access declare-http --dir /var/lib/kusuribako --staff FILE --hours 72\n   \
             http://{address}/envelope\n\n\
             Wi-Fi: {ssid}\n\
             つながらないときは / If it does not work: journalctl -u 'kusuribako-ap-*'; iw dev {interface} info\n\
             この設定はインターネットに何も渡しません。 / Nothing is routed to the internet.\n",
            address = net.address,
            ssid = self.ssid
        )
    }
}

/// As systemd writes names of devices: everything but letters, digits, `_`, `.` and `:` in hexadecimal.
fn escaped(interface: &str) -> String {
    interface.replace('-', "\\x2d")
}

const RADIO_UNIT: &str = "[Unit]
Description=Radio of the clinic's own Wi-Fi
Requires=kusuribako-ap-address.service
After=kusuribako-ap-address.service

[Service]
ExecStart=/usr/sbin/hostapd /etc/kusuribako/ap/hostapd.conf
Restart=always
RestartSec=2
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW

[Install]
WantedBy=multi-user.target
";

const NAMES_UNIT: &str = "[Unit]
Description=Leases and names of the clinic's own Wi-Fi
Requires=kusuribako-ap-address.service
After=kusuribako-ap-address.service kusuribako-ap-radio.service

[Service]
ExecStartPre=/usr/sbin/dnsmasq --test --conf-file=/etc/kusuribako/ap/dnsmasq.conf
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --log-facility=- --conf-file=/etc/kusuribako/ap/dnsmasq.conf
RuntimeDirectory=kusuribako-ap
Restart=always
RestartSec=2
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE

[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests {
    use super::*;

    fn ap() -> Ap {
        Ap {
            interface: "wlan0".to_owned(),
            net: Net::new("192.168.76.1".parse().unwrap(), 22).unwrap(),
            names: vec!["kusuri.internal".to_owned()],
            trusted: None,
            ssid: "くすり箱".to_owned(),
            passphrase: "correct horse".to_owned(),
            channel: 6,
        }
    }

    #[test]
    fn option_114_is_there_only_with_a_trusted_name() {
        let of = |ap: &Ap| ap.files().unwrap().into_iter().find(|file| file.name == "dnsmasq.conf").unwrap().text;
        assert!(!of(&ap()).contains("114"));
        let trusted = Ap { trusted: Some("sakura.example.jp".to_owned()), ..ap() };
        assert!(of(&trusted).contains("dhcp-option=114,https://sakura.example.jp/wifi/state\n"));
        assert!(of(&trusted).contains("host-record=sakura.example.jp,192.168.76.1\n"));
    }

    #[test]
    fn values_that_would_end_a_line_are_refused() {
        let bad = [
            Ap { ssid: "a\nwpa=0".to_owned(), ..ap() },
            Ap { ssid: "a\"".to_owned(), ..ap() },
            Ap { ssid: "くすりばこのわいふぁい".to_owned(), ..ap() },
            Ap { passphrase: "short".to_owned(), ..ap() },
            Ap { passphrase: "long enough\nwpa=0".to_owned(), ..ap() },
            Ap { interface: "wlan0\n".to_owned(), ..ap() },
            Ap { channel: 14, ..ap() },
        ];
        for ap in bad {
            assert!(ap.files().is_err(), "{ap:?}");
        }
    }
}
