"""The pages of hours and holidays: seen by everybody at the desk, changed by whoever plans, said as people say it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.hours.operations import calendars_of, put_calendar, put_schedule, schedules_of
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.web.hours_form import body_of, form_of, form_typed
from portillon_cloud.web.hours_words import HoursWords
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import DateHours, HolidayHours, Schedule, Window, hours_of

HOURS = "/sites/1/hours"
OFF_PEAK = f"{HOURS}/schedule/off-peak"
BODY = {
    "windows": [[0, 540, 960], [5, 1320, 1560]],
    "closed_on": ["2025-03-14"],
    "holidays": [["quebec", []]],
    "dates": {"2025-03-17": [[480, 720]]},
}
TYPED = {
    "day_0": "9:00-16:00, 18:00-22:00",
    "day_5": "22:00-2:00",
    "holiday:quebec": "hours",
    "hours:quebec": "10:00-12:00",
    "date": ["2025-12-24", "2025-12-31", ""],
    "date_hours": ["8:00-12:00", "", ""],
    "first_day": "2025-01-01",
}
SPAN = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda one: (one[0], one[0] + one[1]))
SPANS = st.lists(SPAN, max_size=3).map(lambda spans: tuple(sorted(spans)))
DAYS = st.dates(date(2025, 1, 1), date(2025, 3, 1)).map(date.isoformat)


@pytest.fixture
def planned(gym):
    """A gym with a calendar and a schedule."""
    whose = {"organisation_id": gym.organisation_id, "site_id": gym.site_id}
    with gym.services.db.write() as conn:
        put_calendar(conn, **whose, name="quebec", days=frozenset({"12-25", "2025-04-18"}))
        put_schedule(conn, **whose, name="off-peak", body=BODY)
    return gym


@pytest.fixture
def typed(signed_in, csrf):
    """Send a form as a role, and give the answer."""

    def send(path, form, *, role=Role.OWNER, page=HOURS):
        browser = signed_in(role)
        return browser.post(path, data={"csrf": csrf(browser.get(page).text), **form})

    return send


def schedule(gym, name="off-peak"):
    with gym.services.db.read() as conn:
        return schedules_of(conn, gym.site_id).get(name)


def calendar(gym, name="quebec"):
    with gym.services.db.read() as conn:
        return calendars_of(conn, gym.site_id).get(name)


def test_hours_are_shown_as_a_picture_and_in_text(signed_in, planned):
    """Whoever sees the picture and whoever does not read the same; only planners are given forms."""
    html = signed_in(Role.DESK).get(HOURS).text
    assert html.count('class="week-bar"') == 7
    for said in ("off-peak", "9:00–16:00", "22:00–2:00", "2 exceptions", "On the days of quebec: closed", "2 days"):
        assert said in html, said
    assert "<form" not in html.split('<main id="content"')[1]
    assert "hours.js" not in signed_in(Role.DESK).get(OFF_PEAK).text
    assert "hours.js" in signed_in(Role.TECHNICIAN).get(OFF_PEAK).text, "technicians plan doors and their hours"


def test_hours_are_typed_as_people_write_them(typed, planned):
    """Week, holidays, single days and bounds in one form, and the schedule is that."""
    assert typed(OFF_PEAK, TYPED).headers["location"] == f"{OFF_PEAK}?done=set"
    assert schedule(planned) == Schedule(
        "off-peak",
        (Window(0, 540, 960), Window(0, 1080, 1320), Window(5, 1320, 1560)),
        closed_on=("2025-12-31",),
        holidays=(HolidayHours("quebec", ((600, 720),)),),
        dates=(DateHours("2025-12-24", ((480, 720),)),),
        first_day="2025-01-01",
    )


@pytest.mark.parametrize(
    "wrong", [{"day_3": "nine to five"}, {"date": ["2025-02-30"]}, {"last_day": "soon"}, {"hours:quebec": "25-26"}]
)
def test_what_cannot_be_read_comes_back_marked(typed, planned, wrong):
    """With what was typed still there; nothing of it is saved."""
    answer = typed(OFF_PEAK, TYPED | wrong)
    assert answer.status_code == 422 and "Nothing was changed" in answer.text
    assert 'aria-invalid="true"' in answer.text and "18:00-22:00" in answer.text
    assert schedule(planned) == Schedule.from_body("off-peak", BODY)


@given(
    st.lists(st.tuples(st.integers(0, 6), SPAN), max_size=6, unique=True),
    st.dictionaries(DAYS, SPANS, max_size=4),
    st.sets(DAYS, max_size=3),
    st.permutations(["a", "b", "c"]),
    SPANS,
)
def test_saving_what_is_shown_changes_no_hour(windows, dates, closed, names, spans):
    """Whatever the API set, a page that is opened and saved leaves every day as it was."""
    calendars = {name: HolidayCalendar(name, frozenset({f"2025-02-{day:02}"})) for day, name in enumerate("abc", 1)}
    before = Schedule(
        "any",
        tuple(Window(weekday, *span) for weekday, span in windows),
        closed_on=tuple(closed),
        holidays=tuple(HolidayHours(name, spans) for name in names[:2]),
        dates=tuple(DateHours(day, hours) for day, hours in dates.items()),
    )
    form = form_of(before, calendars)
    fields = {f"day_{weekday}": [field.text] for weekday, field in enumerate(form.week)}
    for one in form.holidays:
        fields |= {f"holiday:{one.calendar}": [one.does.value], f"hours:{one.calendar}": [one.hours.text]}
    fields["date"] = [one.day.text for one in form.dates]
    fields["date_hours"] = [one.hours.text for one in form.dates]
    after = Schedule.from_body("any", body_of(form_typed(fields)))
    for number in range(70):
        day = date.fromordinal(date(2024, 12, 28).toordinal() + number)
        assert sorted(hours_of(after, day, calendars)) == sorted(hours_of(before, day, calendars)), day


def test_the_preview_says_what_is_open_this_week(signed_in, planned):
    """By the business day of the organisation: Friday is closed by exception, Saturday runs past midnight, in words."""
    html = signed_in(Role.DESK).get(OFF_PEAK).text
    week = html.split('id="preview-1"')[1].split("</section>")[0]
    for day, hours in (
        ("Friday, March 14", "closed"),
        ("Saturday, March 15", "22:00–24:00"),
        ("Sunday", "0:00–2:00"),
        ("Monday, March 17", "8:00–12:00"),
    ):
        line = week.split(day)[1].split("</dd>")[0]
        assert hours in line, (day, line)
    assert "When the clocks go back" in html and "When the clocks go forward" in html


@pytest.mark.parametrize(("language", "said"), [("en", "open for 6 hours in all"), ("fr", "ouvert 6 heures en tout")])
def test_the_preview_says_how_long_a_turned_night_is(language, said):
    """23:00 to 4:00 over the night on which the clocks go back is six hours long."""
    night = Schedule("night", (Window(6, 0, 240), Window(5, 1380, 1440), Window(6, 1380, 1440)))
    words = HoursWords(Words(language, "CA", "America/Toronto"))
    groups = words.previews(night, "America/Toronto", {}, date(2025, 10, 20))
    assert len(groups) == 3 and [len(lines) for _, lines in groups] == [7, 2, 2]
    sunday = groups[1][1][1]
    assert said in sunday.remark and "0:00–4:00" in sunday.hours


def test_hours_come_and_go(typed, planned):
    """New ones begin closed; a name that is there stays as it is; what a plan goes by is not removed."""
    assert typed(HOURS, {"name": "early birds"}).headers["location"] == f"{HOURS}/schedule/early%20birds"
    assert schedule(planned, "early birds") == Schedule("early birds", ())
    typed(HOURS, {"name": "off-peak"})
    assert schedule(planned) == Schedule.from_body("off-peak", BODY)
    assert typed(HOURS, {"name": "always"}).status_code == 422
    assert typed(f"{HOURS}/schedule/early birds/remove", {}).status_code == 303
    assert schedule(planned, "early birds") is None
    refused = typed(f"{HOURS}/calendar/quebec/remove", {})
    assert refused.status_code == 409 and "hours name this calendar" in refused.text


def test_a_calendar_is_written_line_by_line_and_filled_by_law(typed, signed_in, planned):
    """The days of a law are proposed, and only saved by a person; what is no day is refused and stays typed."""
    page = f"{HOURS}/calendar/quebec"
    filled = signed_in(Role.OWNER).get(f"{page}?fill=ca-qc&year=2026").text
    assert "2026-06-24" in filled and "December 25 of every year" in filled
    assert calendar(planned).days == {"12-25", "2025-04-18"}
    refused = typed(page, {"days": "12-25\nChristmas"})
    assert refused.status_code == 422 and "Christmas" in refused.text
    assert typed(page, {"days": " 12-25 \n\n2026-01-01\n"}).status_code == 303
    assert calendar(planned).days == {"12-25", "2026-01-01"}
    typed(f"{HOURS}/calendars", {"name": "france"})
    assert calendar(planned, "france").days == frozenset()
    assert typed(f"{HOURS}/calendar/france/remove", {}).status_code == 303


def test_the_desk_changes_no_hours(typed, signed_in, planned):
    """Hours decide who gets in: whoever plans doors sets them, by a form of ours."""
    for path in (HOURS, OFF_PEAK, f"{OFF_PEAK}/remove", f"{HOURS}/calendars", f"{HOURS}/calendar/quebec"):
        assert typed(path, {"name": "x"}, role=Role.DESK, page="/sites/1/doors").status_code == 403, path
        assert signed_in(Role.OWNER).post(path, data={"name": "x"}).status_code == 403, path


def test_another_organisations_hours_are_not_there(typed, signed_in, planned, other_gym):
    """Neither shown nor changed."""
    theirs = f"/sites/{other_gym.site_id}/hours"
    for path in ("", "/schedule/off-peak", "/calendar/quebec"):
        assert signed_in(Role.OWNER).get(theirs + path).status_code == 404
        assert typed(theirs + path, {"name": "x"}).status_code == 404
    assert signed_in(Role.OWNER).get(f"{HOURS}/schedule/nothing").status_code == 404
