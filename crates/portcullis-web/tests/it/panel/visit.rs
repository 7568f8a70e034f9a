//! A browser without scripts.
//!
//! ```text
//! let world = World::new().await;
//! let mut visit = Visit::admin(&world).await;               // signed in by the real form; also Visit::of(&world, "bob")
//! let page = visit.get("/connections").await;                // redirects are followed, `page.path` is where one ends
//! assert_eq!(page.text("h1"), "API Keys and Connections");   // white space is collapsed; exactly one element, else a panic
//! let page = visit.submit(&page, "form#rename", &[("name", "New name")]).await;
//! assert_eq!((page.status, page.toast()), (StatusCode::OK, "The name is changed.".to_owned()));
//! ```
//!
//! `submit` sends what a browser would: every field of the form with the value it has in the page, with those given put in their
//! place. A field that the form does not have is a panic: nobody could have filled it in. A box is ticked by its value and unticked
//! by `""`; a radio button and an option need a value that is there; a submit button is pressed by naming it with its value (its
//! `formaction` counts). A GET form puts the fields into the address. For what no page of ours would do there is [`Visit::post`].
//!
//! Every page that comes is also checked as a page: see [`super::check`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::{HeaderMap, StatusCode};
use scraper::{ElementRef, Html, Selector};

use super::check;
use crate::world::{Answer, PASSWORD, World};

pub(crate) struct Visit<'a> {
    pub(crate) world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) peer: IpAddr,
}

impl<'a> Visit<'a> {
    /// A browser that has never been here.
    pub(crate) fn nobody(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new(), peer: IpAddr::from([192, 0, 2, 1]) }
    }

    /// The admin, signed in.
    pub(crate) async fn admin(world: &'a World) -> Self {
        Self::of(world, "admin").await
    }

    /// Somebody whose password is [`PASSWORD`], signed in.
    pub(crate) async fn of(world: &'a World, username: &str) -> Self {
        Self::with(world, username, PASSWORD).await
    }

    /// Somebody with a password of their own, signed in.
    pub(crate) async fn with(world: &'a World, username: &str, password: &str) -> Self {
        let mut visit = Self::nobody(world);
        let page = visit.get("/sign-in").await;
        let given = [("username", username), ("password", password)];
        let page = visit.submit(&page, "form[action='/sign-in']", &given).await;
        assert!(!page.path.starts_with("/sign-in"), "signed in: {page:?}");
        visit
    }

    /// A page by its address, with redirects followed.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let answer = self.ask("GET", path, None, &[]).await;
        self.follow(path, answer).await
    }

    /// The first answer to a request for a page, redirect or not.
    pub(crate) async fn look(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &[]).await
    }

    /// Fills in and sends a form of a page; redirects are followed.
    pub(crate) async fn submit(&mut self, page: &Page, form: &str, given: &[(&str, &str)]) -> Page {
        let (method, path, fields) = page.filled(form, given);
        if method == "get" {
            return self.get(&format!("{path}?{fields}")).await;
        }
        let answer = self.ask("POST", &path, Some(fields), &[SAME_ORIGIN]).await;
        self.follow(&path, answer).await
    }

    /// As [`Self::submit`], but the answer as it is.
    pub(crate) async fn send(&mut self, page: &Page, form: &str, given: &[(&str, &str)]) -> Answer {
        let (method, path, fields) = page.filled(form, given);
        assert_eq!(method, "post");
        self.ask("POST", &path, Some(fields), &[SAME_ORIGIN]).await
    }

    /// Sends fields as they are, with nothing of a page but the cookies, and these headers besides.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask("POST", path, Some(fields), headers).await
    }

    /// The token that the forms of this visitor carry, as a page shows it.
    pub(crate) async fn csrf(&mut self) -> String {
        let page = self.get("/").await;
        page.all("input[name=_csrf]")[0].attr("value").unwrap().to_owned()
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut ask = self.world.ask(method, path).from(self.peer).header("host", "gate.example.org");
        ask = ask.header("accept", "text/html");
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            ask = ask.header("cookie", &cookies.join("; "));
        }
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        if let Some(body) = body {
            ask = ask.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = ask.send().await;
        self.keep_cookies(&answer.headers);
        answer
    }

    async fn follow(&mut self, path: &str, answer: Answer) -> Page {
        let (mut path, mut answer) = (path.to_owned(), answer);
        for _ in 0..5 {
            if !answer.status.is_redirection() {
                return Page::new(path, &answer);
            }
            path = answer.header("location").to_owned();
            assert!(path.starts_with('/') && !path.starts_with("//"), "leads elsewhere: {path}");
            answer = self.ask("GET", &path, None, &[]).await;
        }
        panic!("{path} leads on and on");
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            // Only what is to come along from an identity provider does.
            let same_site = if name.ends_with("-flow") { "SameSite=Lax" } else { "SameSite=Strict" };
            for part in ["Path=/", "HttpOnly", same_site, "Secure"] {
                assert!(rest.split("; ").any(|found| found == part), "no {part}: {line}");
            }
            assert!(name.starts_with("__Host-") && !rest.contains("Domain"), "{line}");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
            }
        }
    }
}

/// What a browser says of a form that one of our own pages sent.
pub(crate) const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A page that has come.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The address it has, query included.
    pub(crate) path: String,
    pub(crate) html: String,
    pub(crate) document: Html,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}\n{}", self.status, self.path, self.html)
    }
}

pub(super) fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css}: {error}"))
}

/// The text of an element as it is read: white space collapsed.
pub(crate) fn text_of(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Page {
    pub(crate) fn new(path: String, answer: &Answer) -> Self {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}: {answer:?}");
        let html = String::from_utf8(answer.body.to_vec()).unwrap();
        let document = Html::parse_document(&html);
        let page = Self { status: answer.status, headers: answer.headers.clone(), path, html, document };
        check::page(&page);
        page
    }

    pub(crate) fn all(&self, css: &str) -> Vec<ElementRef<'_>> {
        self.document.select(&selector(css)).collect()
    }

    /// The only element of its kind.
    pub(crate) fn one(&self, css: &str) -> ElementRef<'_> {
        let found = self.all(css);
        assert_eq!(found.len(), 1, "{css} is there {} times: {self:?}", found.len());
        found[0]
    }

    pub(crate) fn has(&self, css: &str) -> bool {
        !self.all(css).is_empty()
    }

    /// The text of the only element of its kind.
    pub(crate) fn text(&self, css: &str) -> String {
        text_of(self.one(css))
    }

    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        self.all(css).into_iter().map(text_of).collect()
    }

    /// An attribute of the only element of its kind; empty if it has none.
    pub(crate) fn attr(&self, css: &str, name: &str) -> String {
        self.one(css).attr(name).unwrap_or_default().to_owned()
    }

    /// What the page confirms.
    pub(crate) fn toast(&self) -> String {
        self.texts("#toasts > *").join(" ")
    }

    /// The messages at fields and on top that say what is wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.texts("#faults li")
    }

    /// Address and fields of one of the page's forms that only ask, as they are.
    pub(super) fn asks(&self, at: usize) -> (String, String) {
        let form = self.all("form:not([method=post]):not([method=dialog])")[at];
        let (_, path, fields) = self.filled_in(form, &[]);
        (path, fields)
    }

    /// Method, address and fields of a form, with those given put in.
    fn filled(&self, form: &str, given: &[(&str, &str)]) -> (String, String, String) {
        self.filled_in(self.one(form), given)
    }

    fn filled_in(&self, form: ElementRef<'_>, given: &[(&str, &str)]) -> (String, String, String) {
        let here = self.path.split('?').next().unwrap();
        let mut filling = Filling {
            given,
            left: given.to_vec(),
            fields: Vec::new(),
            action: form.attr("action").unwrap_or(here).to_owned(),
            method: form.attr("method").unwrap_or("get").to_ascii_lowercase(),
        };
        for control in self.controls(form) {
            let named = control.attr("name").filter(|name| !name.is_empty());
            if let (Some(name), None) = (named, control.attr("disabled")) {
                filling.take(control, name);
            }
        }
        assert!(filling.left.is_empty(), "the form has no {:?}: {}", filling.left, form.html());
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(&filling.fields).finish();
        (filling.method, filling.action, fields)
    }

    /// The controls of a form, those outside that name it included, in the order of the page.
    fn controls(&self, form: ElementRef<'_>) -> Vec<ElementRef<'_>> {
        let id = form.attr("id");
        self.all("input, select, textarea, button")
            .into_iter()
            .filter(|control| match control.attr("form") {
                Some(named) => Some(named) == id,
                None => control.ancestors().any(|above| above.id() == form.id()),
            })
            .collect()
    }
}

/// A form that is being filled in.
struct Filling<'a> {
    given: &'a [(&'a str, &'a str)],
    /// What of the given has not found its field yet.
    left: Vec<(&'a str, &'a str)>,
    fields: Vec<(String, String)>,
    action: String,
    method: String,
}

impl Filling<'_> {
    /// What the next control of the form adds.
    fn take(&mut self, control: ElementRef<'_>, name: &str) {
        match kind(control) {
            Kind::Button => self.press(control, name),
            Kind::Tick => self.tick(control, name),
            Kind::Choice => {
                let options: Vec<_> = control.select(&selector("option")).collect();
                let value_of = |option: &ElementRef<'_>| {
                    option.attr("value").map_or_else(|| text_of(*option), str::to_owned)
                };
                let chosen = options.iter().find(|option| option.attr("selected").is_some());
                let own = chosen.or(options.first()).map(value_of).unwrap_or_default();
                let value = self.given_to(name).unwrap_or(own);
                let there = options.iter().any(|option| value_of(option) == value);
                assert!(there, "{name} has no option {value}: {}", control.html());
                self.fields.push((name.to_owned(), value));
            }
            Kind::Text(own) => {
                let given = self.given_to(name);
                let hidden = control.attr("type") == Some("hidden");
                assert!(!hidden || given.is_none(), "{name} is hidden: nobody fills it in");
                self.fields.push((name.to_owned(), given.unwrap_or(own)));
            }
        }
    }

    fn given_to(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(found, _)| *found == name)?;
        Some(self.left.remove(at).1.to_owned())
    }

    fn press(&mut self, button: ElementRef<'_>, name: &str) {
        let value = button.attr("value").unwrap_or_default();
        let Some(at) = self.left.iter().position(|found| *found == (name, value)) else { return };
        self.left.remove(at);
        self.fields.push((name.to_owned(), value.to_owned()));
        if let Some(action) = button.attr("formaction") {
            action.clone_into(&mut self.action);
        }
        if let Some(method) = button.attr("formmethod") {
            method.clone_into(&mut self.method);
        }
    }

    fn tick(&mut self, control: ElementRef<'_>, name: &str) {
        let value = control.attr("value").unwrap_or("on");
        let named = self.given.iter().any(|(found, _)| *found == name);
        let ticked = self.given.contains(&(name, value));
        self.left.retain(|(found, wanted)| *found != name || (*wanted != value && !wanted.is_empty()));
        if ticked || (!named && control.attr("checked").is_some()) {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
    }
}

enum Kind {
    Text(String),
    Tick,
    Choice,
    Button,
}

fn kind(control: ElementRef<'_>) -> Kind {
    match (control.value().name(), control.attr("type").unwrap_or_default()) {
        ("select", _) => Kind::Choice,
        ("button", _) | ("input", "submit" | "button" | "reset" | "image") => Kind::Button,
        ("input", "checkbox" | "radio") => Kind::Tick,
        // The first line break of a text area is not part of its value; the parser has dropped it.
        ("textarea", _) => Kind::Text(control.text().collect()),
        (_, _) => Kind::Text(control.attr("value").unwrap_or_default().to_owned()),
    }
}
