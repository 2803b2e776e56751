package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"phlb/runtime"
)

// Times are ways to say when, of which one is used.
type Times struct {
	Daily  string // "02:00"
	Weekly string // "Mon 02:00"
	Hourly bool
	Every  time.Duration
}

// Moment is when something happens again and again.
type Moment struct {
	day          int           // of the week, Sunday is 0; -1: every day
	hour, minute int           // of the day
	every        time.Duration // instead of that: since midnight, over and over
}

var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// Moment returns what they say, of which one must be given.
func (t *Times) Moment() (m Moment, err error) {
	given := 0
	for _, is := range []bool{t.Daily != "", t.Weekly != "", t.Hourly, t.Every != 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		return m, runtime.Usagef("when? one of --daily 02:00, --hourly, --weekly 'Mon 02:00', --every 15m")
	}
	m.day = -1
	switch {
	case t.Hourly:
		m.every = time.Hour
	case t.Every != 0:
		const day = 24 * time.Hour
		if t.Every == day {
			return m, nil // every midnight
		}
		if t.Every < time.Minute || t.Every%time.Minute != 0 || t.Every >= day ||
			t.Every < time.Hour && time.Hour%t.Every != 0 || t.Every >= time.Hour && (t.Every%time.Hour != 0 || day%t.Every != 0) {
			return m, runtime.Usagef("--every: %s divides neither an hour nor a day: try 15m, 30m, 2h, 4h, 6h, 12h or 24h", short(t.Every))
		}
		m.every = t.Every
	case t.Daily != "":
		m.hour, m.minute, err = clockTime("daily", t.Daily, t.Daily)
	default:
		day, at, ok := strings.Cut(t.Weekly, " ")
		m.day = slices.IndexFunc(weekdays, func(d string) bool { return len(day) >= 3 && strings.EqualFold(d, day[:3]) })
		if !ok || m.day < 0 {
			return m, runtime.Usagef("--weekly: %q is not a day and a time such as 'Mon 02:00'", t.Weekly)
		}
		m.hour, m.minute, err = clockTime("weekly", t.Weekly, at)
	}
	return m, err
}

func clockTime(flag, given, text string) (hour, minute int, err error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, 0, runtime.Usagef("--%s: %q is not a time such as 02:00", flag, given)
	}
	return t.Hour(), t.Minute(), nil
}

// short writes 15m, not 15m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// String writes it as the flags do.
func (m Moment) String() string {
	at := fmt.Sprintf("%02d:%02d", m.hour, m.minute)
	switch {
	case m.every == time.Hour:
		return "hourly"
	case m.every > 0:
		return "every " + short(m.every)
	case m.day >= 0:
		return "weekly " + weekdays[m.day] + " " + at
	}
	return "daily " + at
}

// calendar writes it for systemd.
func (m Moment) calendar() string {
	switch {
	case m.every >= time.Hour:
		return fmt.Sprintf("*-*-* 00/%d:00:00", m.every/time.Hour)
	case m.every > 0:
		return fmt.Sprintf("*-*-* *:00/%d:00", m.every/time.Minute)
	}
	text := fmt.Sprintf("*-*-* %02d:%02d:00", m.hour, m.minute)
	if m.day >= 0 {
		text = weekdays[m.day] + " " + text
	}
	return text
}

// cron writes it for a crontab.
func (m Moment) cron() string {
	switch {
	case m.every == time.Hour:
		return "0 * * * *"
	case m.every > time.Hour:
		return fmt.Sprintf("0 */%d * * *", m.every/time.Hour)
	case m.every > 0:
		return fmt.Sprintf("*/%d * * * *", m.every/time.Minute)
	case m.day >= 0:
		return fmt.Sprintf("%d %d * * %d", m.minute, m.hour, m.day)
	}
	return fmt.Sprintf("%d %d * * *", m.minute, m.hour)
}
