//! The forms of the provider's pages.

use url::Url;
use url::form_urlencoded::Serializer;

use crate::browser::Page;

/// A form, as it is sent.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) action: Url,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The one form of a page.
    pub(crate) fn of(page: &Page) -> Self {
        let forms = tags(&page.html, "form");
        let form = forms.first().unwrap_or_else(|| panic!("no form at {}: {}", page.url, page.html));
        assert_eq!(attribute(form, "method").as_deref(), Some("post"), "{form}");
        let action = page.url.join(&attribute(form, "action").expect("an action")).unwrap();
        let inputs = tags(&page.html, "input").into_iter();
        let fields = inputs.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap_or_default()));
        Self { action, fields: fields.collect() }
    }

    /// Writes into a field, if the form has it.
    pub(crate) fn fill(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|field| field.0 == name) {
            value.clone_into(&mut field.1);
        }
    }

    /// What the form is for: `login` or `consent`.
    pub(crate) fn prompt(&self) -> &str {
        self.fields.iter().find(|(name, _)| name == "prompt").map_or("", |(_, value)| value)
    }

    pub(crate) fn body(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

/// Where the link with this text leads.
pub(crate) fn link(page: &Page, text: &str) -> Url {
    let before = page.html.split(text).next().unwrap();
    let links = tags(before, "a");
    let tag = links.last().unwrap_or_else(|| panic!("no {text} at {}", page.url));
    page.url.join(&attribute(tag, "href").expect("a href")).unwrap()
}

/// The opening tags of this name, from behind the name on.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("<{name} ");
    html.match_indices(&opening).filter_map(|(at, found)| html[at + found.len()..].split('>').next()).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split('"').next()?;
    let entities = [("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}
