//! The functions of the language, as one table.

mod build;
mod calendar;
mod clock;
mod date;
mod date_text;
mod encoding;
mod escape;
mod letter;
mod logic;
mod mathematics;
mod number;
mod numeral;
mod private_key;
mod search;
mod signing;
mod text;

use regex::{Regex, RegexBuilder};

use crate::function::Function;

/// Salesforce's published operators and functions: help.salesforce.com, "Formula Operators and Functions".
const SALESFORCE: &str = "Salesforce Help, Formula Operators and Functions";
/// Salesforce's published functions of named credentials: help.salesforce.com, "Formula Functions for Named Credentials".
const NAMED_CREDENTIALS: &str = "Salesforce Help, Formula Functions for Named Credentials";
/// Not in Salesforce.
const SORTIE: &str = "Sortie";

/// All functions, by group and name.
pub static CATALOGUE: &[Function] = &[
    // Text
    letter::ASCII,
    search::BEGINS,
    letter::CHR,
    search::CONTAINS,
    search::FIND,
    letter::INITCAP,
    numeral::ISNUMBER,
    text::LEFT,
    text::LEN,
    letter::LOWER,
    text::LPAD,
    text::MID,
    search::REGEX,
    text::REVERSE,
    text::RIGHT,
    text::RPAD,
    text::SUBSTITUTE,
    text::TEXT,
    text::TRIM,
    letter::UPPER,
    numeral::VALUE,
    // Logic
    logic::AND,
    logic::BLANKVALUE,
    logic::CASE,
    logic::IF,
    logic::IFS,
    logic::ISBLANK,
    logic::ISNULL,
    logic::ISPICKVAL,
    logic::NOT,
    logic::NULLVALUE,
    logic::OR,
    // Numbers
    number::ABS,
    number::CEILING,
    mathematics::EXP,
    number::FLOOR,
    mathematics::LN,
    mathematics::LOG,
    number::MAX,
    number::MCEILING,
    number::MFLOOR,
    number::MIN,
    number::MOD,
    mathematics::PI,
    number::ROUND,
    mathematics::SQRT,
    number::TRUNC,
    // Dates and times
    calendar::ADDMONTHS,
    date::DATE,
    date::DATETIMEVALUE,
    date::DATEVALUE,
    calendar::DAY,
    calendar::DAYOFYEAR,
    clock::FORMATDURATION,
    date::FROMUNIXTIME,
    clock::HOUR,
    calendar::ISOWEEK,
    calendar::ISOYEAR,
    clock::MILLISECOND,
    clock::MINUTE,
    calendar::MONTH,
    date::NOW,
    clock::SECOND,
    date::TIMENOW,
    date::TIMEVALUE,
    date::TODAY,
    date::UNIXTIMESTAMP,
    calendar::WEEKDAY,
    calendar::YEAR,
    // Encoding
    encoding::BASE64DECODE,
    encoding::BASE64ENCODE,
    encoding::BASE64URLDECODE,
    encoding::BASE64URLENCODE,
    encoding::BLOB,
    encoding::HEX,
    escape::HTMLENCODE,
    escape::JSENCODE,
    escape::JSINHTMLENCODE,
    escape::URLENCODE,
    // Digests and signatures
    signing::HASH,
    signing::HMAC,
    signing::SIGN,
    signing::SIGN_WITH_CERTIFICATE,
];

/// The function of this name, without regard to ASCII case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    CATALOGUE.iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

/// The one function that needs a key of the house.
pub(crate) const SIGN_WITH_CERTIFICATE: &str = "SIGN_WITH_CERTIFICATE";

/// Whether neither the course nor the success of a function tells anything of what it is given.
pub(crate) fn is_opaque(name: &str) -> bool {
    let encodings = ["BASE64ENCODE", "BASE64URLENCODE", "BLOB", "HEX", "HTMLENCODE", "JSENCODE", "JSINHTMLENCODE", "TEXT", "URLENCODE"];
    encodings.contains(&name) || matches!(name, "HASH" | "HMAC" | "SIGN" | "SIGN_WITH_CERTIFICATE")
}

/// Why a function that Salesforce has is not here, and what to use instead.
pub(crate) fn why_absent(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    match name.as_str() {
        "VLOOKUP" | "PRIORVALUE" | "ISCHANGED" | "ISNEW" | "ISCLONE" | "PARENTGROUPVAL" | "PREVGROUPVAL" | "PREDICT" | "INCLUDES"
        | "GETRECORDIDS" | "CURRENCYRATE" => Some("it reads records, and a callout has none"),
        "HYPERLINK" | "IMAGE" | "IMAGEPROXYURL" | "LINKTO" | "URLFOR" | "REQUIRESCRIPT" | "GETSESSIONID" => {
            Some("it makes parts of a Salesforce page, and a callout has none")
        }
        "DISTANCE" | "GEOLOCATION" => Some("places on the earth are no type of this language"),
        _ => None,
    }
}

/// A regular expression that must fit the whole text, within a size that is compiled and matched in bounded time.
pub(crate) fn pattern(text: &str) -> Result<Regex, regex::Error> {
    const SIZE_LIMIT: usize = 64 * 1024;
    let build = |text: &str| RegexBuilder::new(text).size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).nest_limit(50).build();
    // Alone first: `a)|(?:b` is no pattern, but would become two inside the brackets, and neither would have to fit the whole text.
    build(text)?;
    build(&format!("^(?:{text})$"))
}
