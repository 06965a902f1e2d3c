use ureq::http::Uri;

/// An address of the web, and whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// All of it.
    pub url: String,
    /// Scheme, host and port: what decides whether two addresses have one owner.
    pub origin: (String, String, u16),
}

impl Place {
    /// `None` for what is no address, or of another scheme than `http` and `https`.
    pub fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match &*scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let origin = (scheme, uri.host()?.to_ascii_lowercase(), uri.port_u16().unwrap_or(usual));
        Some(Self { url: url.to_owned(), origin })
    }

    /// Where a redirect leads from here: an address, or what changes of this one. `None` where it must not be followed: to
    /// another scheme, but for one that is safer.
    pub fn follow(&self, location: &str) -> Option<Self> {
        let uri: Uri = self.url.parse().ok()?;
        let (scheme, authority) = (&self.origin.0, uri.authority()?);
        let url = match location {
            "" => return None,
            location if location.starts_with("//") => format!("{scheme}:{location}"),
            location if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
            location if location.contains("://") => location.to_owned(),
            location => {
                let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{scheme}://{authority}{folder}/{location}")
            }
        };
        let next = Self::of(&url)?;
        (next.origin.0 == *scheme || next.origin.0 == "https").then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_its_scheme_host_and_port() {
        let origin = |url| Place::of(url).unwrap().origin;
        assert_eq!(origin("https://hub.example/a"), origin("HTTPS://Hub.example:443/b?c"));
        for other in ["http://hub.example/a", "https://hub.example:8443/a", "https://a.hub.example/a"] {
            assert_ne!(origin("https://hub.example/a"), origin(other), "{other}");
        }
        for none in ["", "/a", "file:///etc/passwd", "ftp://hub.example/a", "hub.example", "data:text/plain,x"] {
            assert_eq!(Place::of(none), None, "{none}");
        }
    }

    #[test]
    fn redirects_lead_to_the_same_scheme_or_a_safer_one() {
        let from = |url: &str, location| Place::of(url).unwrap().follow(location).map(|place| place.url);
        let (plain, safe) = ("http://a.b:8/c/d?e", "https://a.b/c/d");
        for (location, expected) in [
            ("/x?y", "http://a.b:8/x?y"),
            ("x", "http://a.b:8/c/x"),
            ("//z/x", "http://z/x"),
            ("http://z/x", "http://z/x"),
            ("https://z/x", "https://z/x"),
        ] {
            assert_eq!(from(plain, location).as_deref(), Some(expected), "{location}");
        }
        for location in ["", "http://a.b/x", "file:///etc/passwd", "ftp://a.b/x"] {
            assert_eq!(from(safe, location), None, "{location}");
        }
    }
}
