//! Numbers against integers, and against vectors that were computed with 60 digits. Nothing panics, however large or small.

use proptest::prelude::*;
use rust_decimal::Decimal;

use sortie_formula::Template;

use crate::scope::Examples;

/// The result as text, or the code of the error.
fn result(expression: &str) -> String {
    match Template::parse_bare(expression) {
        Ok(template) => template.evaluate(&Examples).map_or_else(|fault| fault.code().to_owned(), |result| result.expose().to_owned()),
        Err(error) => panic!("{expression}: {error}"),
    }
}

fn number(expression: &str) -> Decimal {
    let text = result(expression);
    Decimal::from_str_exact(&text).unwrap_or_else(|_| panic!("{expression} gives {text}"))
}

/// All numbers that there are.
fn any_number() -> impl Strategy<Value = Decimal> {
    (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), 0..=28_u32, 0..=96_u32).prop_map(
        |(low, middle, high, is_negative, scale, shift)| {
            let digits = (u128::from(high) << 64 | u128::from(middle) << 32 | u128::from(low)) >> shift;
            let signed = i128::try_from(digits).unwrap() * if is_negative { -1 } else { 1 };
            Decimal::from_i128_with_scale(signed, scale)
        },
    )
}

/// Numbers of at most 22 digits, all of which count.
fn short_number() -> impl Strategy<Value = Decimal> {
    (-10_i128.pow(22) + 1..10_i128.pow(22), 0..=21_u32).prop_map(|(digits, scale)| Decimal::from_i128_with_scale(digits, scale))
}

fn parts(number: Decimal) -> (i128, i128) {
    (number.mantissa(), 10_i128.pow(number.scale()))
}

/// Computed with Python's `decimal`, 60 digits, and rounded half up to 24 digits, of which 28 (logarithms: 26) may be behind the point.
const VECTORS: &[(&str, &str)] = &[
    ("EXP(0.5)", "1.64872127070012814684865"),
    ("EXP(1)", "2.71828182845904523536029"),
    ("EXP(2)", "7.38905609893065022723043"),
    ("EXP(10)", "22026.4657948067165169579"),
    ("EXP(33.3)", "289738526663661.34260276"),
    ("EXP(45.678901234)", "68880254855624417337.5319"),
    ("EXP(60)", "114200738981568428366296000"),
    ("EXP(66.5)", "75959666021073336334634500000"),
    ("EXP(0.0000001)", "1.00000010000000500000017"),
    ("EXP(-0.5)", "0.6065306597126334236038"),
    ("EXP(-1)", "0.367879441171442321595524"),
    ("EXP(-2.5)", "0.0820849986238987951695287"),
    ("EXP(-20)", "0.000000002061153622438557828"),
    ("EXP(1.0000000000000000000000001)", "2.71828182845904523536029"),
    ("LN(2)", "0.693147180559945309417232"),
    ("LOG(2)", "0.301029995663981195213739"),
    ("LN(10)", "2.30258509299404568401799"),
    ("LOG(10)", "1"),
    ("LN(0.1)", "-2.30258509299404568401799"),
    ("LOG(0.1)", "-1"),
    ("LN(36)", "3.58351893845611000162495"),
    ("LOG(36)", "1.55630250076728726501753"),
    ("LN(1.0000001)", "0.00000009999999500000033333"),
    ("LOG(1.0000001)", "0.00000004342944601885291801"),
    ("LN(0.9999999)", "-0.00000010000000500000033333"),
    ("LOG(0.9999999)", "-0.00000004342945036179773705"),
    ("LN(123456789.123456789)", "18.6314017671680180326939"),
    ("LOG(123456789.123456789)", "8.09151497760356492920444"),
    ("LN(79228162514264337593543950335)", "66.5421293337547497040543"),
    ("LOG(79228162514264337593543950335)", "28.8988795837421947405189"),
    ("LN(0.0000000000000000000000000003)", "-63.3737703151651694611085"),
    ("LOG(0.0000000000000000000000000003)", "-27.522878745280337562705"),
    ("LN(2.718281828459045235360287471)", "1"),
    ("LOG(2.718281828459045235360287471)", "0.434294481903251827651129"),
];

/// The same with 28 digits.
const ROOTS: &[(&str, &str)] = &[
    ("SQRT(2)", "1.414213562373095048801688724"),
    ("SQRT(3)", "1.732050807568877293527446342"),
    ("SQRT(0.1)", "0.3162277660168379331998893544"),
    ("SQRT(12345678901234567890)", "3513641828.820144253093654173"),
    ("SQRT(79228162514264337593543950335)", "281474976710656"),
    ("SQRT(0.0000000000000000000000000003)", "0.0000000000000173205080756888"),
];

#[test]
fn series_are_right_to_the_24th_digit() {
    for (expression, expected) in VECTORS {
        assert_eq!(result(expression), *expected, "{expression}");
    }
}

#[test]
fn roots_are_right_to_the_last_digit_but_one() {
    for (expression, expected) in ROOTS {
        let (found, expected) = (number(expression), Decimal::from_str_exact(expected).unwrap());
        let last_digit = Decimal::new(1, expected.scale());
        assert!((found - expected).abs() <= last_digit, "{expression} gives {found}");
    }
}

#[test]
fn powers_are_right_at_both_ends() {
    for (expression, expected) in [
        ("0 ^ 0", "1"),
        ("2 ^ 96 - 1", "formula_limit"),
        ("2 ^ 95 + 0", "39614081257132168796771975168"),
        ("(-2) ^ 3", "-8"),
        ("10 ^ -28", "0.0000000000000000000000000001"),
        ("10 ^ -29", "0"),
        ("2 ^ -999999999", "0"),
        ("2 ^ 999999999", "formula_limit"),
        ("(-1) ^ 999999999", "-1"),
        ("2 ^ 1000000000", "formula_limit"),
        ("0.1 ^ -20", "100000000000000000000"),
        ("ROUND((0.3 ^ -30) / (10 ^ 15), 10)", "4.8569357496"),
        ("ROUND(1.0001 ^ 3650, 12)", "1.440487720761"),
        ("2 ^ 0.5", "formula_failed"),
        ("0 ^ -1", "formula_failed"),
        ("1 / 0", "formula_failed"),
        ("79228162514264337593543950335 + 1", "formula_limit"),
        ("79228162514264337593543950335 * 2", "formula_limit"),
        ("79228162514264337593543950335 / 0.1", "formula_limit"),
    ] {
        assert_eq!(result(expression), expected, "{expression}");
    }
}

#[test]
fn thirds_and_elevenths_come_back_whole() {
    for divisor in 1..=200 {
        for function in ["FLOOR", "CEILING", "MFLOOR", "MCEILING"] {
            for sign in ["", "-"] {
                assert_eq!(result(&format!("{function}({sign}6 / {divisor} * {divisor})")), format!("{sign}6"), "{function} {divisor}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whole_numbers_are_those_of_integer_arithmetic(value in short_number()) {
        let (digits, unit) = parts(value);
        let (below, above) = (digits.div_euclid(unit), -(-digits).div_euclid(unit));
        prop_assert_eq!(number(&format!("MFLOOR({value})")), Decimal::from(below));
        prop_assert_eq!(number(&format!("MCEILING({value})")), Decimal::from(above));
        prop_assert_eq!(number(&format!("FLOOR({value})")), Decimal::from(if digits < 0 { above } else { below }));
        prop_assert_eq!(number(&format!("CEILING({value})")), Decimal::from(if digits < 0 { below } else { above }));
    }

    #[test]
    fn a_whole_number_of_any_size_is_at_most_one_away(value in any_number()) {
        for function in ["FLOOR", "CEILING", "MFLOOR", "MCEILING"] {
            let whole = number(&format!("{function}({value})"));
            prop_assert!(whole.is_integer());
            prop_assert!((whole - value).abs() <= Decimal::ONE + Decimal::new(1, 20), "{function}({value}) gives {whole}");
        }
    }

    #[test]
    fn rounding_finds_the_nearest_multiple(value in any_number(), places in -32_i32..=32) {
        let found = result(&format!("ROUND({value}, {places})"));
        let cut = number(&format!("TRUNC({value}, {places})"));
        let (digits, unit) = parts(value);
        // What one place is worth, in units of the last digit of the number; nothing to do if it is less than one.
        let exponent = unit.ilog10().cast_signed() - places;
        let Ok(exponent) = u32::try_from(exponent) else {
            prop_assert_eq!(found, value.normalize().to_string());
            prop_assert_eq!(cut, value);
            return Ok(());
        };
        // Beyond 10^30 such a place is larger than twice any number.
        let place = 10_i128.pow(exponent.min(31));
        let (quotient, rest) = (digits / place, digits % place);
        let away = i128::from(rest.abs() * 2 >= place) * digits.signum();
        let expected = |multiple: i128| multiple.checked_mul(place).filter(|digits| digits.unsigned_abs() < 1 << 96).map(|digits| {
            Decimal::from_i128_with_scale(digits, value.scale())
        });
        match expected(quotient + away) {
            Some(expected) => prop_assert_eq!(Decimal::from_str_exact(&found).unwrap(), expected),
            // It may fit with fewer digits behind the point.
            None => prop_assert!(found == "formula_limit" || Decimal::from_str_exact(&found).is_ok(), "{}", found),
        }
        prop_assert_eq!(cut, expected(quotient).unwrap());
    }

    #[test]
    fn a_remainder_is_that_of_integer_arithmetic(number_digits in any::<i64>(), divisor_digits in any::<i64>(), scale in 0..=9_u32, other in 0..=9_u32) {
        prop_assume!(divisor_digits != 0);
        let (value, divisor) = (Decimal::new(number_digits, scale), Decimal::new(divisor_digits, other));
        let common = scale.max(other);
        let left = i128::from(number_digits) * 10_i128.pow(common - scale);
        let right = i128::from(divisor_digits) * 10_i128.pow(common - other);
        prop_assert_eq!(number(&format!("MOD({value}, {divisor})")), Decimal::from_i128_with_scale(left % right, common));
    }

    #[test]
    fn a_remainder_of_any_numbers_is_smaller_than_the_divisor(value in any_number(), divisor in any_number()) {
        prop_assume!(!divisor.is_zero());
        let rest = number(&format!("MOD({value}, {divisor})"));
        prop_assert!(rest.abs() < divisor.abs());
        prop_assert!(rest.is_zero() || rest.is_sign_negative() == value.is_sign_negative());
    }

    #[test]
    fn a_square_has_its_root(root in 1..10_i64.pow(14), scale in 0..=14_u32) {
        let root = Decimal::new(root, scale);
        prop_assert_eq!(number(&format!("SQRT({})", root * root)), root);
    }

    #[test]
    fn the_largest_and_the_smallest_are_found(numbers in prop::collection::vec(any_number(), 1..10)) {
        let list = numbers.iter().map(Decimal::to_string).collect::<Vec<_>>().join(", ");
        prop_assert_eq!(number(&format!("MAX({list})")), *numbers.iter().max().unwrap());
        prop_assert_eq!(number(&format!("MIN({list})")), *numbers.iter().min().unwrap());
    }

    #[test]
    fn no_number_is_too_large_or_too_small_to_be_answered(left in any_number(), right in any_number(), power in any::<i32>()) {
        for expression in [
            format!("{left} + {right}"),
            format!("{left} - ({right})"),
            format!("{left} * {right}"),
            format!("{left} / {right}"),
            format!("({left}) ^ ({power})"),
            format!("({left}) ^ ({})", power % 100),
            format!("({left}) ^ ({right})"),
            format!("ABS({left})"),
            format!("SQRT({left})"),
            format!("EXP({left})"),
            format!("LN({left})"),
            format!("LOG({left})"),
            format!("ROUND({left}, {right})"),
            format!("TRUNC({left}, {right})"),
            format!("MOD({left}, {right})"),
            format!("FORMATDURATION({left}, TRUE)"),
            format!("FROMUNIXTIME({left})"),
            format!("DATE({left}, {right}, {power})"),
            format!("ADDMONTHS(NOW(), {left})"),
            format!("ADDMONTHS(TODAY(), {power})"),
            format!("NOW() + {left}"),
            format!("NOW() - {power}"),
            format!("TODAY() + {left}"),
            format!("TODAY() - {power}"),
            format!("TIMENOW() + {left}"),
            format!("TIMENOW() - ({right})"),
        ] {
            let found = result(&expression);
            prop_assert!(!found.is_empty(), "{expression}");
        }
    }
}
