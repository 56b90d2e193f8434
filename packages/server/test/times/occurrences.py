"""All times of cron expressions in time zones, by brute force: what the scheduler's own computation is held against.

It shares nothing with that computation: every day of forty years is tested against the expression, every matching wall-clock
time is looked up in Python's zoneinfo, and what follows a gap is found by walking on, minute by minute.

    python3 occurrences.py                   all rows: zone, expression, gap, overlap, count, SHA-256 of the instants
    python3 occurrences.py --sample ZONE …   every seventh row of those zones

The instants are Unix seconds in decimal, ascending, each followed by a newline.
"""

import datetime as dt
import hashlib
import sys
import zoneinfo

# Releases of the time zone data from 2025 on agree on these years. They differ later: on Morocco from September 2026 on.
FIRST, END = 1986, 2026
ZONES = """Europe/Lisbon Australia/Lord_Howe America/New_York Pacific/Apia America/Sao_Paulo Asia/Kathmandu
Africa/Casablanca Asia/Tehran Europe/Dublin Africa/Cairo Pacific/Chatham Asia/Beirut Antarctica/Troll UTC""".split()
RULES = [(gap, overlap) for gap in ("run", "skip") for overlap in ("first", "second", "both")]
# These meet the changes of most of the zones, so they are computed under all rules; the others under one each.
THOROUGH = ["30 2 * * *", "15 0 * * *", "45 1 * * *", "*/20 1-3 * * SAT,SUN", "0 * * 3,4,9-11 SUN"]
OTHERS = """0 1 * * *|0 3 * * *|5/10 2 * * SUN|@daily|*/15 * * 3,4,10 0|30 0-23 L * *|*/10 */2 30 * ?|0 9 * * MON-FRI
0 9 1,15 * *|0 12 13 * FRI|0 12 13 * +FRI|0 0 */2 * MON|0 0 L * *|0 23 L-3 * *|30 3 15W * *|30 2 LW * *|0 2 * * SUN#1
0 3 * * SUNL|15 1 * 3,10 5L|0 22-2/2 * * FRI-MON|0 0 29 2 *|0 6 29 FEB +MON|@monthly|@weekly|15,45 59 23 31 12 *
0/30 30 1 * NOV-FEB SUN|0 0 30 12 *""".replace("\n", "|").split("|")
NICKNAMES = {"@daily": "0 0 * * *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0"}
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


def number(text, names):
    return names[text] if text in names else int(text)


def hit(field, value, low, high, names=()):
    """Whether a field of values, ranges and steps has the value."""
    names = {name: low + index for index, name in enumerate(names)}
    for item in field.split(","):
        base, _, step = item.partition("/")
        first, dash, last = base.partition("-")
        if base in ("*", "?"):
            a, b = low, high
        else:
            a = number(first, names)
            b = number(last, names) if dash else (high if step else a)
        inside = a <= value <= b if a <= b else value >= a or value <= b
        if inside and (value - a) % (high - low + 1) % int(step or 1) == 0:
            return True
    return False


def weekdays_of_month(day):
    first = day.replace(day=1)
    month = [first + n * DAY for n in range(31)]
    return [d for d in month if d.month == day.month and d.isoweekday() <= 5]


def month_day_hit(field, day):
    for item in field.split(","):
        if item == "LW":
            found = day == weekdays_of_month(day)[-1]
        elif item.endswith("W"):
            target = int(item[:-1])
            found = day == min(weekdays_of_month(day), key=lambda d: abs(d.day - target))
        elif item.startswith("L"):
            before = int(item[2:] or 0)
            found = (day + (before + 1) * DAY).day == 1 and (day + before * DAY).month == day.month
        else:
            found = hit(item, day.day, 1, 31)
        if found:
            return True
    return False


def weekday_hit(field, day):
    weekday = day.isoweekday() % 7
    for item in field.split(","):
        if "#" in item:
            name, _, nth = item.partition("#")
            found = hit(name, weekday, 0, 6, WEEKDAYS) and (day.day - 1) // 7 + 1 == int(nth)
        elif item.endswith("L"):
            found = hit(item[:-1], weekday, 0, 6, WEEKDAYS) and (day + 7 * DAY).month != day.month
        else:
            found = hit(item, weekday, 0, 6, WEEKDAYS)
        if found:
            return True
    return False


def day_hit(month_days, month, weekdays, day):
    if not hit(month, day.month, 1, 12, MONTHS):
        return False
    both = weekdays.startswith("+") or month_days[0] in "*?" or weekdays[0] in "*?"
    hits = month_day_hit(month_days, day), weekday_hit(weekdays.lstrip("+"), day)
    return all(hits) if both else any(hits)


def expand(expression):
    """Matching days, matching times of a day, and whether it means an interval (every hour)."""
    fields = NICKNAMES.get(expression, expression).split()
    second, minute, hour, *days = fields if len(fields) == 6 else ["0", *fields]
    day, last, matching = dt.date(FIRST, 1, 1) - 3 * DAY, dt.date(END, 1, 1) + 3 * DAY, []
    while day <= last:
        if day_hit(*days, day):
            matching.append(day)
        day += DAY
    seconds = [s for s in range(60) if hit(second, s, 0, 59)]
    minutes = [m for m in range(60) if hit(minute, m, 0, 59)]
    hours = [h for h in range(24) if hit(hour, h, 0, 23)]
    return matching, [dt.time(h, m, s) for h in hours for m in minutes for s in seconds], len(hours) == 24


def instants_of(wall, zone):
    """The instants, none to two, at which the zone's wall clock shows this time."""
    found = set()
    for fold in (0, 1):
        instant = wall.replace(tzinfo=zone, fold=fold).astimezone(dt.timezone.utc)
        if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            found.add(int(instant.timestamp()))
    return sorted(found)


def quiet_days(zone):
    """Days far from any change, with their offsets: there the wall clock differs from UTC by a constant."""
    quiet, day = {}, dt.date(FIRST, 1, 1) - 3 * DAY
    offset = lambda d: dt.datetime.combine(d, dt.time(12), zone).utcoffset()
    while day <= dt.date(END, 1, 1) + 3 * DAY:
        if offset(day - DAY) == offset(day) == offset(day + DAY):
            quiet[day] = int(offset(day).total_seconds())
        day += DAY
    return quiet


def occurrences(expanded, zone, quiet, gap, overlap):
    days, times, interval = expanded
    found = set()
    for day in days:
        midnight = (day - dt.date(1970, 1, 1)).days * 86400
        for time in times:
            if day in quiet:
                seconds = time.hour * 3600 + time.minute * 60 + time.second
                found.add(midnight + seconds - quiet[day])
                continue
            wall = dt.datetime.combine(day, time)
            instants = instants_of(wall, zone)
            if not instants and gap == "run" and not interval:
                wall = wall.replace(second=0)
                while not instants:
                    wall += MINUTE
                    instants = instants_of(wall, zone)
                instants = instants[:1]
            if not interval and overlap != "both":
                instants = instants[:1] if overlap == "first" else instants[-1:]
            found.update(instants)
    first, end = (int(dt.datetime(y, 1, 1, tzinfo=dt.timezone.utc).timestamp()) for y in (FIRST, END))
    return sorted(instant for instant in found if first <= instant < end)


def main(zones, step):
    rows = [(e, *rules) for e in THOROUGH for rules in RULES]
    rows += [(e, *RULES[index % len(RULES)]) for index, e in enumerate(OTHERS)]
    rows = rows[::step]
    expanded = {expression: expand(expression) for expression, _, _ in rows}
    for name in zones:
        zone = zoneinfo.ZoneInfo(name)
        quiet = quiet_days(zone)
        for expression, gap, overlap in rows:
            found = occurrences(expanded[expression], zone, quiet, gap, overlap)
            digest = hashlib.sha256("".join(f"{t}\n" for t in found).encode()).hexdigest()
            print(name, expression, gap, overlap, len(found), digest, sep="\t")


if sys.argv[1:2] == ["--sample"]:
    main(sys.argv[2:], 7)
else:
    main(ZONES, 1)
