# SPDX-License-Identifier: GPL-2.0
#
# Counts an entry's TAP. Prints "PASSED FAILED SKIPPED", then a line for each
# failure. -v status=N is how the entry ended.
#
# An entry is one TAP document, or several between ##run NAME and ##end NAME
# STATUS, each of which was announced by ##plan NAME. Indented lines are
# subtests and count for nothing by themselves.

function fail(what)
{
	failed++
	doc_failed++
	failures = failures what "\n"
}

function begin(name)
{
	doc = name
	in_doc = 1
	seen = doc_failed = 0
	plan = -1
}

function finish(code)
{
	in_doc = 0
	if (plan < 0 && seen == 0 && code == 4)
		skipped++
	else if (plan < 0)
		fail(doc "no plan (1..N)")
	else if (plan != seen)
		fail(doc "planned " plan " tests, saw " seen)
	if (code != 0 && code != 4 && doc_failed == 0)
		fail(doc "all passed, yet it ended with status " code)
}

BEGIN { begin("") }

{ sub(/\r$/, "") }

$1 == "##plan" { announced[$2]++; next }
$1 == "##run" { begin($2 ": "); runs++; open = 1; announced[$2]--; next }
$1 == "##end" { finish($3); open = 0; next }

!in_doc { next }

/^1\.\.[0-9]+/ {
	if (plan >= 0)
		fail(doc "two plans")
	plan = substr($1, 4) + 0
	if (plan == 0)
		skipped++
	next
}

/^(not )?ok([ \t]|$)/ {
	seen++
	if (/#[ \t]*[Tt][Oo][Dd][Oo]/)
		fail(doc "a test that may fail: " $0)
	else if (/^not/)
		fail(doc $0)
	else if (/#[ \t]*[Ss][Kk][Ii][Pp]/)
		skipped++
	else
		passed++
	next
}

/^Bail out!/ { fail(doc $0); next }

/^(# )?campaign [^ ]+: / {
	if ($0 !~ /tried=[0-9]+ violations=[0-9]+ seed=/)
		fail(doc "not a campaign's line: " $0)
	else if ($0 !~ /violations=0 / || $0 ~ /tried=0 /)
		fail(doc $0)
}

END {
	if (runs == 0 && length(announced) == 0) {
		finish(status)
	} else {
		if (open)
			fail(doc "did not end")
		for (name in announced)
			if (announced[name] > 0)
				fail(name ": was not run")
		if (status != 0)
			fail("the machine ended with status " status)
	}
	printf "%d %d %d\n%s", passed, failed, skipped, failures
}
