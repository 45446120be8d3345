//! How mails look: the same layout for every message and language, as plain text and as HTML.
//!
//! The HTML loads nothing, runs nothing and keeps to what mail programs have in common; a phone shows it as wide as it
//! is. Whatever is filled in is escaped here, in one place.

use std::fmt::Write as _;

use crate::text::{Language, Letter};

/// The plain-text part. Paragraphs are not wrapped: the reader's screen knows best.
pub(crate) fn text(letter: &Letter) -> String {
    let mut blocks = vec![letter.heading.clone()];
    blocks.extend(letter.opening.iter().cloned());
    if !letter.facts.is_empty() {
        let lines: Vec<String> = letter.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        blocks.push(lines.join("\n"));
    }
    if let Some(action) = &letter.action {
        blocks.push(format!("{}:\n{}", action.label, action.link));
        blocks.push(action.life.clone());
    }
    blocks.extend(letter.closing.iter().cloned());
    blocks.push(letter.footer.clone());
    blocks.join("\n\n") + "\n"
}

/// The HTML part. The link is clickable once, as a button, and stands below it as text to be copied.
pub(crate) fn html(letter: &Letter, language: &Language) -> String {
    let mut body = format!("<h1 style=\"{HEADING}\">{}</h1>\n", escaped(&letter.heading));
    for paragraph in &letter.opening {
        body += &element(paragraph, PARAGRAPH);
    }
    if !letter.facts.is_empty() {
        let line = |(name, value): &(&str, String)| format!("{}: {}", escaped(name), escaped(value));
        let lines: Vec<String> = letter.facts.iter().map(line).collect();
        _ = writeln!(body, "<p style=\"{FACTS}\">{}</p>", lines.join("<br>\n"));
    }
    if let Some(action) = &letter.action {
        let (link, label) = (escaped(&action.link), escaped(action.label));
        _ = writeln!(body, "<p style=\"{PARAGRAPH}\"><a href=\"{link}\" style=\"{BUTTON}\">{label}</a></p>");
        _ = writeln!(body, "<p style=\"{COPY}\">{}<br>\n{link}</p>", escaped(language.link_as_text));
        body += &element(&action.life, PARAGRAPH);
    }
    for paragraph in &letter.closing {
        body += &element(paragraph, PARAGRAPH);
    }
    body += &element(&letter.footer, FOOTER);
    page(&letter.subject, language.tag, &body)
}

const HEADING: &str = "margin:0 0 16px;font-size:22px;line-height:1.3;";
const PARAGRAPH: &str = "margin:0 0 16px;";
const FACTS: &str = "margin:0 0 16px;padding:12px;background:#f4f4f5;border-radius:6px;word-break:break-word;";
const BUTTON: &str = "display:inline-block;padding:12px 20px;background:#1d4ed8;color:#ffffff;border-radius:6px;\
                      text-decoration:none;font-weight:bold;";
const COPY: &str = "margin:0 0 16px;font-size:14px;color:#52525b;word-break:break-all;";
const FOOTER: &str = "margin:24px 0 0;font-size:13px;color:#71717a;";

fn element(paragraph: &str, style: &str) -> String {
    format!("<p style=\"{style}\">{}</p>\n", escaped(paragraph))
}

/// `format-detection` keeps mail programs from making links of what is none.
fn page(title: &str, language: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n\
         <html lang=\"{language}\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"format-detection\" content=\"telephone=no, date=no, address=no, email=no, url=no\">\n\
         <title>{title}</title>\n\
         </head>\n\
         <body style=\"margin:0;padding:0;background:#f4f4f5;\">\n\
         <div style=\"max-width:560px;margin:0 auto;padding:16px;\">\n\
         <div style=\"padding:24px;background:#ffffff;border-radius:8px;font-family:-apple-system,'Segoe UI',Roboto,\
         Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#18181b;\">\n\
         {body}</div>\n\
         </div>\n\
         </body>\n\
         </html>\n"
    )
}

/// Text as HTML, in an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
