//! A header of a value costs one allocation, its result: nothing is made on the way, so that nothing has to be wiped.

use sortie_formula::Template;

use crate::scope::Examples;

#[test]
fn a_header_of_a_value_allocates_its_result_only() {
    for formula in [
        "{!'Bearer ' & $Credential.Billing.Key}",
        "Bearer {!$Credential.Billing.Key}",
        "{!\"session:role:\" + $User.Department}",
        "{!IF(ISBLANK($User.Title), 'none', $User.Title)}",
        "{!CASE($User.Department, 'Sales', 'crm', 'Finance', 'ledger', 'other')}",
    ] {
        let template = Template::parse(formula).unwrap();
        let counted = allocation_counter::measure(|| {
            let result = template.evaluate(&Examples).unwrap();
            assert!(!result.expose().is_empty());
        });
        assert_eq!(counted.count_total, 1, "{formula}");
    }
}
