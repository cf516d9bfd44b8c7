"""The published figures of payroll, exactly: United States 2025, United Kingdom, proration, deductions, splits."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from plugins.payroll import brackets, deductions, proration, published, rounding, uk, us

JUNE = (date(2025, 6, 1), date(2025, 6, 30))


@pytest.mark.parametrize(
    ("case", "gross", "periods", "w4", "pretax", "adjusted", "annual", "tax", "social", "medicare", "net"),
    [
        ("U1", "2500", 26, us.W4(), "125", "53150", "5371.50", "206.60", "155.00", "36.25", "1977.15"),
        ("U2", "5000", 24, us.W4("joint", credits=D(4000), extra=D(25)), "0", "107100", "10323", "288.46", "310.00", "72.50", "4329.04"),
        ("U3", "1800", 52, us.W4("head", step2=True), "0", "93600", "15318", "294.58", "111.60", "26.10", "1367.72"),
        ("U4", "500", 52, us.W4(), "0", "17400", "1100", "21.15", "31.00", "7.25", "440.60"),
        ("U5", "4166.67", 12, us.W4(step2=True), "0", "50000.04", "6807.56", "567.30", "258.33", "60.42", "3280.62"),
        ("U6", "9000", 24, us.W4(), "0", "207400", "41383", "1724.29", "558.00", "130.50", "6587.21"),
    ],
)
def test_p6_federal_withholding_of_2025(
    case: str, gross: str, periods: int, w4: us.W4, pretax: str, adjusted: str, annual: str, tax: str, social: str, medicare: str, net: str
) -> None:
    pay = D(gross)
    found = us.withhold(pay - D(pretax), periods, w4, published.US_2025[w4.filing, w4.step2])
    assert (found.adjusted_annual, found.annual_tax, found.amount) == (D(adjusted), D(annual), D(tax)), case
    assert us.social_security(pay, D(0), published.US_WAGE_BASE[2025]) == D(social)
    assert us.medicare(pay) == D(medicare)
    assert pay - D(pretax) - found.amount - D(social) - D(medicare) == D(net)


def test_p6_the_boundary_of_the_2024_table() -> None:
    assert us.withhold(D(2375), 26, us.W4(), published.US_2024_SINGLE_START).amount == D("208.69")


def test_p6_caps_of_the_year() -> None:
    base = published.US_WAGE_BASE[2025]
    assert us.social_security(D(5000), D(175_000), base) == D("68.20")
    assert us.social_security(D(5000), D(180_000), base) == 0
    assert us.additional_medicare(D(5000), D(198_000)) == D("27.00")
    assert sum(
        us.unemployment(
            D(2500),
            D(2500) * at,
        )
        for at in range(26)
    ) == D("42.00")


@pytest.mark.parametrize("key", [key for key in published.US_2025 if not key[1]])
def test_p6_standard_tables_follow_from_row_to_row(key: tuple[str, bool]) -> None:
    assert set(brackets.gaps(published.US_2025[key])) == {D(0)}


def test_p6_the_halved_single_table_is_within_one_dollar() -> None:
    assert all(abs(gap) < 1 for gap in brackets.gaps(published.US_2025["single", True]))


@pytest.mark.parametrize(
    ("code", "period", "periods", "pay", "adjustment", "due"),
    [
        ("510L", 8, 52, "2046.15", "786.08", "252.00"),
        ("560T", 3, 12, "2750.00", "1402.26", "269.40"),
        ("560T", 10, 12, "21287.75", "4674.20", "3322.60"),
        ("K255", 5, 12, "6023.66", "-1066.25", "1417.80"),
        ("K255", 8, 12, "32799.98", "-1706.00", "8815.33"),
    ],
)
def test_p7_hmrc_test_data_of_2009(code: str, period: int, periods: int, pay: str, adjustment: str, due: str) -> None:
    found = uk.paye(D(pay), code, period, periods, published.UK_RATES_2009)
    assert (found.adjustment, found.due_to_date) == (D(adjustment), D(due))


def test_p7_free_pay_of_1257l() -> None:
    assert uk.free_pay("1257L", 1, 12) == D("1048.26")


@pytest.mark.parametrize(
    ("case", "year", "period", "pay", "before", "paid", "tax", "employee", "employer", "net"),
    [
        ("G1", "2025-26", 1, "3000", "0", "0", "390.20", "156.16", "387.45", "2453.64"),
        ("G2", "2025-26", 2, "5000", "3000", "390.20", "790.40", "267.50", "687.45", "3942.10"),
        ("G3", "2025-26", 3, "0", "8000", "1180.60", "-209.60", "0", "0", "209.60"),
        ("G4", "2025-26", 1, "8000", "0", "0", "2152.06", "327.50", "1137.45", "5520.44"),
        ("G5", "2025-26", 1, "12000", "0", "0", "3778.20", "407.50", "1737.45", "7814.30"),
        ("G6", "2024-25", 1, "3000", "0", "0", "390.20", "156.16", "309.40", "2453.64"),
    ],
)
def test_p7_paye_and_nics(
    case: str, year: str, period: int, pay: str, before: str, paid: str, tax: str, employee: str, employer: str, net: str
) -> None:
    found = uk.paye(D(pay), "1257L", period, 12, published.UK_RATES, pay_before=D(before), paid_before=D(paid))
    shares = uk.nics(D(pay), published.UK_NICS[year, "monthly"])
    assert (found.amount, shares.employee, shares.employer) == (D(tax), D(employee), D(employer)), case
    assert D(pay) - found.amount - shares.employee == D(net)


def test_p7_g7_weekly_and_g8_odd_pay() -> None:
    assert uk.nics(D(1000), published.UK_NICS["2025-26", "weekly"]) == uk.Nics(D("58.66"), D("135.60"))
    assert uk.nics(D("2345.67"), published.UK_NICS["2025-26", "monthly"]) == uk.Nics(D("103.81"), D("289.30"))


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("50.155", "50.15"), ("50.156", "50.16"), ("87.4558", "87.45"), ("87.4568", "87.46"), ("52.6558", "52.65"), ("52.6562", "52.66")],
)
def test_p7_a_half_penny_or_less_is_dropped(exact: str, rounded: str) -> None:
    assert rounding.drop_half_penny(rounding.down(D(exact), D("0.0001"))) == D(rounded)


def test_p1_a_joiner_is_paid_by_the_basis() -> None:
    joined = date(2025, 6, 17)
    paid = {
        basis: proration.prorated(D(3000), proration.days_on(basis, joined, JUNE[1], *JUNE), proration.days_in(basis, *JUNE))
        for basis in proration.BASES
    }
    assert paid == {"working_days": D("1428.57"), "calendar_days": D("1400.00"), "fixed_30": D("1400.00")}


def test_p1_a_raise_within_the_period() -> None:
    first = proration.days_on("working_days", JUNE[0], date(2025, 6, 15), *JUNE)
    later = proration.days_on("working_days", date(2025, 6, 16), JUNE[1], *JUNE)
    assert (first, later) == (10, 11)
    assert proration.in_parts([(D(3000), first), (D(3300), later)], 21) == D("3157.14")


def test_p1_a_full_month_and_unpaid_days() -> None:
    assert proration.prorated(D(3000), 21, 21) == D(3000)
    assert proration.reduced(D(3000), 2, 21) == D("2714.29")


def test_p2_overtime() -> None:
    assert proration.hourly(D("18.75"), D("1.5"), D("6.25")) == D("175.78")


def test_p4_deductions_by_priority() -> None:
    taken, net = deductions.take(D(180), [deductions.Deduction("CLUB", D(90), 20), deductions.Deduction("LOAN", D(120), 10)])
    assert [(one.code, one.amount, one.arrears) for one in taken] == [("LOAN", D(120), D(0)), ("CLUB", D(0), D(90))]
    assert net == D(60)


def test_p5_split_payment() -> None:
    shares = [deductions.Share("A", amount=D(300)), deductions.Share("B", percent=D(25)), deductions.Share("C")]
    assert deductions.pay_out(D("1977.15"), shares) == [("A", D("300")), ("B", D("419.29")), ("C", D("1257.86"))]


def test_p8_cost_split_gives_the_cent_to_the_lower_line() -> None:
    assert rounding.allocate(D("7400.55"), [D(60), D(30), D(10)]) == [D("4440.33"), D("2220.17"), D("740.05")]


def test_p11_leave_payout() -> None:
    assert proration.leave_payout(D("2.5"), D(3000)) == D("346.15")


def test_sh_r03_allocation_never_loses_a_cent_sh_x02_sh_x03_sh_x04_sh_x05() -> None:
    assert rounding.allocate(D("100.00"), [D(1)] * 3) == [D("33.34"), D("33.33"), D("33.33")]
    assert rounding.allocate(D("0.05"), [D(1)] * 3) == [D("0.02"), D("0.02"), D("0.01")]
    assert rounding.allocate(D("100.01"), [D(600), D(400), D(500)]) == [D("40.00"), D("26.67"), D("33.34")]
    assert rounding.allocate(D("-100.00"), [D(1)] * 3) == [D("-33.34"), D("-33.33"), D("-33.33")]
    assert rounding.allocate(D("84.10"), [D(1000), D(750), D(448)]) == [D("38.26"), D("28.70"), D("17.14")]
