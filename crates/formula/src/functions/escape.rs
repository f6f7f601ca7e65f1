//! Texts made safe for where they go: HTML, JavaScript, URLs.

use super::SALESFORCE;
use super::build::{Sink, put, string, text};
use super::encoding::hex_digits;
use crate::function::{Function, Gives, Group, Parameter};
use crate::types::Type;

/// `HTMLENCODE`. Source: Salesforce Help, Formula Operators and Functions, HTMLENCODE. Where Salesforce's engine makes tags (`<br>`, `<p>`) or names
/// (`&copy;`) of a character, its number stands here: it means the same in HTML, and XML understands it too.
pub(super) const HTMLENCODE: Function = Function {
    name: "HTMLENCODE",
    group: Group::Encoding,
    summary: "A text for HTML or XML: `< > & \" '` and a few others become references.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("HTMLENCODE('<B>Enter the user\\'s name</b>')", "&lt;B&gt;Enter the user&#39;s name&lt;/b&gt;"),
        ("HTMLENCODE('\"&amp;\"')", "&quot;&amp;amp;&quot;"),
        ("HTMLENCODE('é\\n©🔥')", "é\n&#169;&#128293;"),
        ("HTMLENCODE(NULL)", ""),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        text(arguments, |sink| html(&whole, sink))
    },
};

/// `JSENCODE`. Source: Salesforce Help, Formula Operators and Functions, JSENCODE. Salesforce's engine drops NUL and turns U+2028 into a line break;
/// both are kept here, as escapes.
pub(super) const JSENCODE: Function = Function {
    name: "JSENCODE",
    group: Group::Encoding,
    summary: "A text for a string literal of JavaScript. JSON is another language: it does not know all of these escapes.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("JSENCODE('<B>Enter the user\\'s name</b>')", "\\u003CB\\u003EEnter the user\\'s name\\u003C\\/b\\u003E"),
        ("JSENCODE('This is a /*test*/')", "This is a \\/\\*test\\*\\/"),
        ("JSENCODE('\\\\ \\n \\r')", "\\\\ \\n \\r"),
        ("JSENCODE('!-- &#39;')", "\\!-- \\&#39;"),
        ("JSENCODE('あ🔥')", "あ🔥"),
        ("JSENCODE(NULL)", ""),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        text(arguments, |sink| javascript(&whole, sink))
    },
};

/// `JSINHTMLENCODE`. Source: Salesforce Help, Formula Operators and Functions, JSINHTMLENCODE: `JSENCODE(HTMLENCODE(…))`. The example there leaves
/// out the backslashes that `JSENCODE` writes; without them a quote would end the literal, once the browser has read the references.
pub(super) const JSINHTMLENCODE: Function = Function {
    name: "JSINHTMLENCODE",
    group: Group::Encoding,
    summary: "A text for a string literal of JavaScript inside an HTML tag: `JSENCODE(HTMLENCODE(…))`.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        ("JSINHTMLENCODE('<B>Enter the user\\'s name</b>')", "&lt;B&gt;Enter the user\\&#39;s name&lt;\\/b&gt;"),
        ("JSINHTMLENCODE('\"') = JSENCODE(HTMLENCODE('\"'))", "TRUE"),
        ("JSINHTMLENCODE(NULL)", ""),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        let inner = string(arguments, |sink| html(&whole, sink))?;
        text(arguments, |sink| javascript(&inner, sink))
    },
};

/// `URLENCODE`. Source: Salesforce Help, Formula Operators and Functions, URLENCODE; `application/x-www-form-urlencoded`, as Java's `URLEncoder`
/// writes it: a blank is `+`.
pub(super) const URLENCODE: Function = Function {
    name: "URLENCODE",
    group: Group::Encoding,
    summary: "A text for a parameter of a URL or a form, in UTF-8. A blank becomes `+`; where `%20` is wanted, substitute it.",
    parameters: &[Parameter::text("text")],
    optional: 0,
    repeating: None,
    gives: Gives::Type(Type::Text),
    source: SALESFORCE,
    examples: &[
        (
            "URLENCODE('http://www.cnn.com/junk.cgi?abc=d e f&date=12/7/2007')",
            "http%3A%2F%2Fwww.cnn.com%2Fjunk.cgi%3Fabc%3Dd+e+f%26date%3D12%2F7%2F2007",
        ),
        ("SUBSTITUTE(URLENCODE('a b+c'), '+', '%20')", "a%20b%2Bc"),
        ("URLENCODE('-_.*~é')", "-_.*%7E%C3%A9"),
        ("URLENCODE('')", ""),
        ("URLENCODE(12345)", "formula_type"),
    ],
    evaluate: |arguments| {
        let whole = arguments.text(0)?;
        text(arguments, |sink| url(&whole, sink))
    },
};

fn html(text: &str, sink: &mut Sink<'_>) {
    for character in text.chars() {
        match character {
            '<' => sink("&lt;"),
            '>' => sink("&gt;"),
            '&' => sink("&amp;"),
            '"' => sink("&quot;"),
            '\'' => sink("&#39;"),
            '©' | '\u{2028}' | '\u{2029}' | '\u{10000}'.. => {
                sink("&#");
                decimal(u32::from(character), sink);
                sink(";");
            }
            other => put(sink, other),
        }
    }
}

/// A number in digits, without an allocation for them.
fn decimal(number: u32, sink: &mut Sink<'_>) {
    if number >= 10 {
        decimal(number / 10, sink);
    }
    put(sink, char::from_digit(number % 10, 10).unwrap_or('0'));
}

fn javascript(text: &str, sink: &mut Sink<'_>) {
    for (at, character) in text.char_indices() {
        let rest = &text[at..];
        match character {
            '\n' => sink("\\n"),
            '\r' => sink("\\r"),
            '<' => sink("\\u003C"),
            '>' => sink("\\u003E"),
            '\0' => sink("\\u0000"),
            '\u{2028}' => sink("\\u2028"),
            '\u{2029}' => sink("\\u2029"),
            '\\' | '\'' | '"' | '/' | '*' => {
                sink("\\");
                put(sink, character);
            }
            // The beginning of an HTML comment, which old browsers obeyed even in a literal.
            '!' if rest.starts_with("!--") => sink("\\!"),
            // Quotes, once an attribute is read.
            '&' if rest.starts_with("&#39;") || rest.starts_with("&quot;") => sink("\\&"),
            other => put(sink, other),
        }
    }
}

fn url(text: &str, sink: &mut Sink<'_>) {
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '*' => put(sink, character),
            ' ' => sink("+"),
            other => {
                for byte in other.encode_utf8(&mut [0; 4]).bytes() {
                    sink("%");
                    hex_digits(byte).into_iter().for_each(|digit| put(sink, char::from(digit)));
                }
            }
        }
    }
}
