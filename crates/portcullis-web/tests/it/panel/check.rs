//! What holds for every page, whoever asked for it and whatever it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use scraper::ElementRef;

use super::visit::{Page, selector, text_of};

/// Looks at a page as a reviewer would. Called for every page that any test gets.
pub(super) fn page(page: &Page) {
    headers(page);
    let mut wrong = Vec::new();
    attributes(page, &mut wrong);
    identities(page, &mut wrong);
    names(page, &mut wrong);
    forms(page, &mut wrong);
    icons(page, &mut wrong);
    assert!(wrong.is_empty(), "{}: {wrong:#?}", page.path);
}

fn headers(page: &Page) {
    let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
    let csp = header("content-security-policy");
    assert!(csp.starts_with("default-src 'none';") && !csp.contains("unsafe"), "{}: {csp}", page.path);
    assert_eq!(header("cache-control"), "no-store", "{}", page.path);
    assert_eq!(header("x-content-type-options"), "nosniff", "{}", page.path);
    let referrer = if of_link(page) { "no-referrer" } else { "same-origin" };
    assert_eq!(header("referrer-policy"), referrer, "{}", page.path);
}

/// The pages of links know nobody: their forms carry no token, and their address goes nowhere.
fn of_link(page: &Page) -> bool {
    page.path.starts_with("/s/")
}

/// Nothing that the policy of the page would have to forbid.
fn attributes(page: &Page, wrong: &mut Vec<String>) {
    for element in page.all("*") {
        let tag = element.value().name();
        for (name, value) in element.value().attrs() {
            if name == "style" || name.starts_with("on") {
                wrong.push(format!("<{tag} {name}={value}>"));
            }
            let leads = matches!(name, "href" | "src" | "action" | "formaction");
            let elsewhere = value.split(['/', '?', '#']).next().is_some_and(|head| head.contains(':'));
            let icon = name == "href" && value == "data:,";
            if leads && !icon && (elsewhere || value.starts_with("//")) {
                wrong.push(format!("leads elsewhere: <{tag} {name}={value}>"));
            }
        }
    }
    for script in page.all("script") {
        if !text_of(script).is_empty() {
            wrong.push("a script in the page".to_owned());
        }
    }
    for _ in page.all("style, iframe, object, embed, base") {
        wrong.push("an element that no page of ours has".to_owned());
    }
}

/// An id is there once, and what points to an id finds it.
fn identities(page: &Page, wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for element in page.all("[id]") {
        let id = element.attr("id").unwrap();
        if id.is_empty() || !seen.insert(id.to_owned()) {
            wrong.push(format!("id {id:?} twice, or empty"));
        }
    }
    let pointers =
        ["for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "form", "list"];
    for name in pointers {
        for element in page.all(&format!("[{name}]")) {
            for id in element.attr(name).unwrap().split_whitespace().filter(|id| !seen.contains(*id)) {
                wrong.push(format!("{name}={id} points nowhere"));
            }
        }
    }
    let hashes = page.all("a[href^='#'], [data-copy]").into_iter();
    for target in hashes.filter_map(|element| element.attr("href").or_else(|| element.attr("data-copy"))) {
        if !seen.contains(target.trim_start_matches('#')) {
            wrong.push(format!("{target} points nowhere"));
        }
    }
}

/// Whoever cannot see the page hears what everything is.
fn names(page: &Page, wrong: &mut Vec<String>) {
    if page.all("h1").len() != 1 {
        wrong.push(format!("{} h1", page.all("h1").len()));
    }
    if page.all("main").len() != 1
        || page.attr("html", "lang").is_empty()
        || page.text("head > title").is_empty()
    {
        wrong.push("no main, language or title".to_owned());
    }
    for control in page.all("input:not([type=hidden]), select, textarea") {
        let id = control.attr("id");
        let labelled = id.is_some_and(|id| page.has(&format!("label[for='{id}']")))
            || control.attr("aria-label").is_some_and(|label| !label.trim().is_empty())
            || control.attr("aria-labelledby").is_some()
            || control.ancestors().filter_map(ElementRef::wrap).any(|above| above.value().name() == "label");
        if !labelled {
            wrong.push(format!("no label: {}", control.html()));
        }
    }
    for control in page.all("button, a[href], summary") {
        let named = control.attr("aria-label").is_some_and(|label| !label.trim().is_empty());
        if !named && text_of(control).is_empty() {
            wrong.push(format!("no name: {}", control.html()));
        }
    }
    for section in page.all("dialog, nav, aside, [role=meter], [role=search]") {
        let named = ["aria-label", "aria-labelledby"].iter().any(|name| section.attr(name).is_some());
        if !named && section.attr("role") != Some("search") {
            wrong.push(format!("no label: <{} id={:?}>", section.value().name(), section.attr("id")));
        }
    }
    let mut level = 0;
    for heading in page.all("main :is(h1, h2, h3, h4)") {
        let own = heading.value().name().trim_start_matches('h').parse::<u8>().unwrap();
        if own > level + 1 {
            wrong.push(format!("a heading is left out before {}", heading.html()));
        }
        level = own;
    }
}

fn forms(page: &Page, wrong: &mut Vec<String>) {
    let (token, password) = (selector("input[type=hidden][name=_csrf]"), selector("input[type=password]"));
    for form in page.all("form") {
        let method = form.attr("method").unwrap_or("get");
        let tokens: Vec<_> = form.select(&token).filter_map(|field| field.attr("value")).collect();
        let good = match method {
            "post" if of_link(page) => tokens.is_empty(),
            "post" => tokens.len() == 1 && tokens[0].len() == 32,
            "get" => tokens.is_empty(),
            "dialog" => tokens.is_empty(),
            _ => false,
        };
        if !good {
            wrong.push(format!("method {method} with {tokens:?}: {}", form.html()));
        }
        for password in form.select(&password) {
            if method != "post" || password.attr("value").is_some_and(|value| !value.is_empty()) {
                wrong.push(format!("a password told: {}", password.html()));
            }
        }
    }
}

/// Icons are in the sprite, and the sprite's icons are drawn from there.
fn icons(page: &Page, wrong: &mut Vec<String>) {
    let sprite = sprite();
    for shown in page.all("use") {
        let href = shown.attr("href").unwrap_or_default();
        let known = href.split_once("/icons.svg#").is_some_and(|(_, id)| sprite.contains_key(id));
        if !known {
            wrong.push(format!("no such icon: {href}"));
        }
    }
}

/// The icons of the sprite by id.
fn sprite() -> BTreeMap<String, ()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/icons.svg");
    let text = fs::read_to_string(path).unwrap();
    text.split("<symbol id=\"").skip(1).map(|rest| (rest.split('"').next().unwrap().to_owned(), ())).collect()
}
