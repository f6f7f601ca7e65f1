//! Dates: the expiry of a token is right to the second, whatever the moment; and no text makes a date function stumble.

use jiff::Timestamp;
use proptest::prelude::*;

use sortie_formula::{Fault, Scope, SignFault, Template, Value, Variable};

/// It is this moment, and every variable of the user has this text.
struct At<'a>(Timestamp, &'a str);

impl Scope for At<'_> {
    fn value(&self, _: &Variable) -> Result<Option<Value<'_>>, Fault> {
        Ok(Some(Value::borrowed(self.1)))
    }

    fn now_millis(&self) -> i64 {
        self.0.as_millisecond()
    }

    fn sign_with_certificate(&self, _: &str, _: &[u8], _: &str) -> Result<Vec<u8>, SignFault> {
        Err(SignFault::NoStore)
    }
}

fn evaluate(template: &Template, millis: i64) -> String {
    let now = Timestamp::from_millisecond(millis).unwrap();
    template.evaluate(&At(now, "")).unwrap().expose().to_owned()
}

/// As Salesforce writes it into every JWT claim `exp` (domain model, JWT claims).
const EXPIRY: &str = "{!Text(FLOOR((NOW() - DATETIMEVALUE( \"1970-01-01 00:00:00\" )) * 86400 + 120))}";

const MILLIS_OF_2200: i64 = 7_258_118_400_000;

/// Whole seconds are the hard ones: what 28 digits get wrong shows there.
fn moments() -> impl Strategy<Value = i64> {
    prop_oneof![0..MILLIS_OF_2200, (0..MILLIS_OF_2200 / 1_000).prop_map(|second| second * 1_000)]
}

#[test]
fn expiry_is_exact_for_every_second_of_the_first_day_and_for_100_000_others() {
    let template = Template::parse(EXPIRY).unwrap();
    let others = (0..MILLIS_OF_2200 / 1_000).step_by(72_547);
    for second in (0..86_400).chain(others) {
        assert_eq!(evaluate(&template, second * 1_000), (second + 120).to_string());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn expiry_is_exact_at_every_millisecond(millis in moments()) {
        let template = Template::parse(EXPIRY).unwrap();
        prop_assert_eq!(evaluate(&template, millis), (millis / 1_000 + 120).to_string());
    }
}

proptest! {
    #[test]
    fn other_ways_to_count_seconds_agree(millis in moments(), since in -MILLIS_OF_2200 / 1_000..MILLIS_OF_2200 / 1_000) {
        let seconds = (millis / 1_000).to_string();
        for formula in [
            "{!UNIXTIMESTAMP(NOW())}",
            "{!FLOOR((NOW() - FROMUNIXTIME(0)) * 24 * 60 * 60)}",
            "{!FLOOR(86400 * (NOW() - FROMUNIXTIME(0)))}",
            "{!MFLOOR((NOW() - FROMUNIXTIME(0)) / (1 / 86400))}",
            "{!FLOOR(((NOW() - FROMUNIXTIME(0)) * 86400000) / 1000)}",
            "{!(DATEVALUE(NOW()) - DATE(1970, 1, 1)) * 86400 + UNIXTIMESTAMP(TIMEVALUE(NOW()))}",
        ] {
            prop_assert_eq!(evaluate(&Template::parse(formula).unwrap(), millis), seconds.as_str(), "{}", formula);
        }
        let all_millis = Template::parse("{!FLOOR((NOW() - FROMUNIXTIME(0)) * 86400000)}").unwrap();
        prop_assert_eq!(evaluate(&all_millis, millis), millis.to_string());
        let rounded_up = Template::parse("{!CEILING((NOW() - FROMUNIXTIME(0)) * 86400)}").unwrap();
        prop_assert_eq!(evaluate(&rounded_up, millis), ((millis + 999) / 1_000).to_string());
        let from_elsewhere = Template::parse(&format!("{{!MFLOOR((NOW() - FROMUNIXTIME({since})) * 86400)}}")).unwrap();
        prop_assert_eq!(evaluate(&from_elsewhere, millis), (millis / 1_000 - since).to_string());
    }

    #[test]
    fn what_is_added_can_be_taken_off_again(millis in moments(), seconds in -1_000_000_000_i64..1_000_000_000) {
        let template = Template::parse(&format!("{{!NOW() + {seconds} / 86400 - {seconds} / 86400 = NOW()}}")).unwrap();
        prop_assert_eq!(evaluate(&template, millis), "TRUE");
        let template = Template::parse(&format!("{{!UNIXTIMESTAMP(NOW() + {seconds} / 86400)}}")).unwrap();
        let expected = (millis + seconds * 1_000) / 1_000;
        prop_assert_eq!(evaluate(&template, millis), expected.to_string());
    }

    #[test]
    fn text_of_a_moment_is_read_again(millis in moments()) {
        let template = Template::parse(
            "{!UNIXTIMESTAMP(DATETIMEVALUE(TEXT(NOW())))} {!TIMEVALUE(TEXT(TIMENOW())) = TIMENOW()} {!DATEVALUE(TEXT(NOW())) = TODAY()}",
        );
        prop_assert_eq!(evaluate(&template.unwrap(), millis), format!("{} TRUE TRUE", millis / 1_000));
    }

    #[test]
    fn months_are_added_and_taken_off_by_the_calendar(millis in moments(), months in -1_000_i64..1_000) {
        let template = Template::parse(&format!("{{!ADDMONTHS(DATE(YEAR(TODAY()), MONTH(TODAY()), 1), {months})}}")).unwrap();
        let today = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::from_millisecond(millis).unwrap()).date();
        let index = i64::from(today.year()) * 12 + i64::from(today.month()) - 1 + months;
        prop_assert_eq!(evaluate(&template, millis), format!("{:04}-{:02}-01", index.div_euclid(12), index.rem_euclid(12) + 1));
        let last = Template::parse(&format!("{{!DAY(ADDMONTHS(DATE(YEAR(TODAY()), MONTH(TODAY()), 1) - 1, {months}) + 1)}}")).unwrap();
        prop_assert_eq!(evaluate(&last, millis), "1");
    }

    #[test]
    fn no_text_and_no_moment_makes_a_function_stumble(
        text in "[0-9]{0,5}[-:T .Z0-9]{0,30}|\\PC{0,30}",
        millis in -377_705_023_201_000_i64..=253_402_207_200_000,
    ) {
        let now = Timestamp::from_millisecond(millis).unwrap();
        for function in ["DATEVALUE", "DATETIMEVALUE", "TIMEVALUE"] {
            let as_constant = Template::parse_bare(&format!("{function}(\"{}\")", text.replace('\\', "\\\\").replace('"', "\\\""))).is_ok();
            let as_variable = Template::parse_bare(&format!("{function}($User.Department)")).unwrap().evaluate(&At(now, &text));
            prop_assert_eq!(as_constant, as_variable.is_ok(), "{}({:?})", function, text);
        }
        for expression in [
            "NOW()", "TODAY()", "TIMENOW()", "TIMEVALUE(NOW())", "DATEVALUE(NOW())", "DATETIMEVALUE(TODAY())", "ADDMONTHS(NOW(), 13)", "ISOWEEK(NOW())",
            "ISOYEAR(TODAY())", "DAYOFYEAR(TODAY())", "WEEKDAY(TODAY())", "NOW() - FROMUNIXTIME(0)", "NOW() + 400", "TODAY() - 400", "UNIXTIMESTAMP(TODAY())",
            "FORMATDURATION(NOW(), FROMUNIXTIME(0))", "FORMATDURATION(TIMENOW(), TIMEVALUE('12:00:00.000'))",
        ] {
            if let Err(fault) = Template::parse_bare(expression).unwrap().evaluate(&At(now, "")) {
                prop_assert_eq!(fault.code(), "formula_limit", "{}", expression);
            }
        }
    }
}

#[test]
fn dates_beyond_the_calendar_are_refused_and_those_at_its_ends_are_not() {
    let template = |expression: &str| Template::parse_bare(expression).unwrap();
    for (expression, expected) in [
        ("DATE(9999, 12, 31)", "9999-12-31"),
        ("DATE(1, 1, 1)", "0001-01-01"),
        ("DATETIMEVALUE(DATE(1, 1, 1))", "0001-01-01 00:00:00Z"),
        ("DATETIMEVALUE('9999-12-30 22:00:00')", "9999-12-30 22:00:00Z"),
        ("DATE(9999, 12, 31) - DATE(1, 1, 1)", "3652058"),
    ] {
        assert_eq!(evaluate(&template(expression), 0), expected, "{expression}");
    }
    for expression in ["DATE(9999, 12, 31) + 1", "DATE(1, 1, 1) - 1", "DATETIMEVALUE(DATE(1, 1, 1)) - 1", "ADDMONTHS(DATE(1, 1, 1), -1)"] {
        let fault = template(expression).evaluate(&At(Timestamp::UNIX_EPOCH, "")).unwrap_err();
        assert_eq!(fault.code(), "formula_limit", "{expression}");
    }
}

#[test]
fn results_that_follow_the_clock_are_known_as_such() {
    for (expression, follows) in
        [("NOW()", true), ("TODAY()", true), ("TIMENOW()", true), ("FROMUNIXTIME(0)", false), ("DATE(2026, 1, 1)", false)]
    {
        assert_eq!(Template::parse_bare(expression).unwrap().reads().time, follows, "{expression}");
    }
}
