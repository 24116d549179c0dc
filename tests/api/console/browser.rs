//! A browser: it keeps cookies and the form token of the current page.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::client::{Answer, Client};

/// What a form is sent as.
pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser.
pub struct Browser {
    client: Client,
    cookies: RefCell<BTreeMap<String, String>>,
    token: RefCell<String>,
}

impl Browser {
    /// A new browser.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), cookies: RefCell::default(), token: RefCell::default() }
    }

    /// A browser with a signed-in user.
    #[track_caller]
    pub fn signed_in(client: &Client, email: &str, password: &str) -> Self {
        let browser = Self::new(client);
        let answer = browser.sign_in(email, password);
        let home = client.base().split_once("://").and_then(|(_, place)| place.split_once('/'));
        let home = home.map_or_else(|| "/".to_owned(), |(_, path)| format!("/{path}/"));
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*home)), "{answer:?}");
        browser
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn head(&self, path: &str) -> Answer {
        self.send("HEAD", path, &[], "")
    }

    /// Sends a form with the token of the page that the browser is on.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token();
        self.post_as(path, &[fields, &[("token", token.as_str())]].concat(), &[])
    }

    /// Sends a form as it is.
    pub fn post_as(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.send("POST", path, &[&[FORM], headers].concat(), &body)
    }

    /// Sends a body of another kind.
    pub fn post_body(&self, path: &str, kind: &str, body: &str) -> Answer {
        self.send("POST", path, &[("content-type", kind)], body)
    }

    /// Takes the cookies of another one too, as a browser sends them to every port of a host.
    pub fn share(&self, other: &Self) {
        self.cookies.borrow_mut().extend(other.cookies.borrow().clone());
    }

    /// Opens the sign-in page and fills it in.
    pub fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.get("/auth/sign-in?again=1");
        self.post("/auth/sign-in", &[("username", email), ("password", password)])
    }

    /// The token of the page that the browser is on.
    pub fn token(&self) -> String {
        self.token.borrow().clone()
    }

    /// A cookie. Names without a prefix have the port of the server, which is left out here.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(&self.whole(name)).cloned()
    }

    /// Sets a cookie.
    pub fn keep(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(self.whole(name), value.to_owned());
    }

    fn whole(&self, name: &str) -> String {
        if name.starts_with("__Host-") {
            return name.to_owned();
        }
        let port = self.client.base().rsplit_once(':').expect("a port").1;
        format!("{name}-{port}")
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let (cookies, mut headers) = (cookies.join("; "), headers.to_vec());
        headers.push(("cookie", &cookies));
        let answer = match method {
            "GET" | "HEAD" => self.client.send(method, path, &headers, ()),
            _ => self.client.send(method, path, &headers, body),
        };
        for set in answer.headers("set-cookie") {
            let (name, rest) = set.split_once('=').expect("a cookie");
            let value = rest.split(';').next().expect("a value");
            if rest.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = hidden(&answer.body, "token") {
            *self.token.borrow_mut() = token;
        }
        answer
    }
}

/// The value of a hidden field of a page.
pub fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    let value = rest.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}

/// Where a page redirects by itself.
#[track_caller]
pub fn continue_url(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("content=\"0;url=").unwrap_or_else(|| panic!("leads nowhere: {page:?}"));
    rest.split('"').next().expect("an address").replace("&#38;", "&").replace("&amp;", "&")
}

/// Sends a form of a page that anybody may open.
pub fn form(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let browser = Browser::new(client);
    browser.get("/auth/password");
    browser.post(path, fields)
}
