//! A Wi-Fi's name and password, and the text by which phones join it from a QR code.

use zeroize::Zeroizing;

/// A Wi-Fi to join. The password is wiped when it is done with.
#[derive(Debug, Clone)]
pub struct Wifi {
    name: String,
    password: Option<Zeroizing<String>>,
}

/// Why it can be no Wi-Fi's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WifiError {
    /// 1 to 32 bytes (IEEE 802.11).
    #[error("a Wi-Fi's name has 1 to 32 bytes, this one {bytes}: write it as the router shows it")]
    Name {
        /// Of the name.
        bytes: usize,
    },
    /// 8 to 63 printable ASCII characters (WPA2 and WPA3), or 64 hexadecimal digits.
    #[error(
        "a Wi-Fi's password has 8 to 63 ASCII characters: write it as the router shows it, or leave it out for an open Wi-Fi"
    )]
    Password,
}

impl Wifi {
    /// A Wi-Fi; without a password, an open one.
    ///
    /// # Errors
    /// Where no Wi-Fi has such a name or password.
    pub fn new(name: &str, password: Option<&str>) -> Result<Self, WifiError> {
        if name.is_empty() || name.len() > 32 || name.contains(char::is_control) {
            return Err(WifiError::Name { bytes: name.len() });
        }
        let is_printable = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
        let is_key = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if password.is_some_and(|p| !(is_printable(p) && (8..=63).contains(&p.len()) || is_key(p))) {
            return Err(WifiError::Password);
        }
        Ok(Self { name: name.to_owned(), password: password.map(|p| Zeroizing::new(p.to_owned())) })
    }

    /// Its name (SSID).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its password; none where it is open.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.as_str())
    }

    /// `WIFI:T:WPA;S:…;P:…;;`, as cameras of Android and iOS read it. `WPA` stands for WPA2 and WPA3 as well.
    pub fn code(&self) -> Zeroizing<String> {
        let name = escaped(&self.name);
        let name = name.as_str();
        Zeroizing::new(match self.password() {
            Some(password) => format!("WIFI:T:WPA;S:{name};P:{};;", escaped(password).as_str()),
            None => format!("WIFI:T:nopass;S:{name};;"),
        })
    }
}

/// With a backslash before each character that has a meaning in the text.
fn escaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 2));
    for c in text.chars() {
        if matches!(c, '\\' | ';' | ',' | ':' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped() {
        let code = |name, password| Wifi::new(name, password).unwrap().code().to_string();
        assert_eq!(code("さくら薬局", Some("12345678")), "WIFI:T:WPA;S:さくら薬局;P:12345678;;");
        assert_eq!(code(r#"a;b,c:d"e\f"#, Some(r"p;a\s:s,")), r#"WIFI:T:WPA;S:a\;b\,c\:d\"e\\f;P:p\;a\\s\:s\,;;"#);
        assert_eq!(code("open", None), "WIFI:T:nopass;S:open;;");
    }

    #[test]
    fn names_and_passwords_that_no_wifi_has_are_refused() {
        assert_eq!(Wifi::new("", None).unwrap_err(), WifiError::Name { bytes: 0 });
        assert_eq!(Wifi::new(&"あ".repeat(11), None).unwrap_err(), WifiError::Name { bytes: 33 });
        for wrong in ["short", &"x".repeat(64), "パスワードパスワード"] {
            assert_eq!(Wifi::new("x", Some(wrong)).unwrap_err(), WifiError::Password, "{wrong}");
        }
        assert!(Wifi::new("x", Some(&"0".repeat(64))).is_ok(), "a key in hexadecimal");
    }
}
