# SPDX-License-Identifier: GPL-2.0
#
# Usage: awk -f described.awk FILE.c...
#
# What the kernel-doc of each exported function says, one line per thing:
#   function NAME REQUEST	NAME is the kernel form of KTM_IOC_REQUEST; - of none
#   pair NAME ERRNO		NAME may return it
#   bad MESSAGE			something that should be said is not, or not so that this can read it
# Documentation/kernel-api.md has the form.

function bad(text)
{
	print "bad " (name == "" ? FILENAME : name) ": " text
}

# A section is what begins a line; all but Return: end with the paragraph.
function section(line)
{
	if (match(line, /^(Reference|Rights|Holds|Locks|Context|Return): */)) {
		current = substr(line, 1, index(line, ":") - 1)
		if (current in said)
			bad(current ": is said twice")
		said[current] = substr(line, RLENGTH + 1)
		return
	}
	if (line == "" && current != "Return")
		current = ""
	if (current == "" && match(line, /KTM_IOC_[A-Z_]+/) && request == "-" &&
	    line ~ /kernel form of KTM_IOC_/)
		request = substr(line, RSTART + 8, RLENGTH - 8)
	if (current == "Return" && line ~ /^\* /)
		item(substr(line, 3))
	else if (current != "")
		said[current] = said[current] " " line
}

function item(line,   errno)
{
	if (line !~ /^-E[A-Z0-9]+: ./) {
		bad("no errno and when: " line)
		return
	}
	errno = substr(line, 2, index(line, ":") - 2)
	if (errno in errnos)
		bad("-" errno " is said twice")
	errnos[errno] = 1
}

function ended(   e)
{
	print "function " name " " request
	if (said["Reference"] !~ /^(none|[A-Z][A-Za-z]+\(\))/)
		bad("Reference: names neither a routine nor none")
	if (said["Rights"] !~ /^(none|those of |@access|KTM_[A-Z_]+)/)
		bad("Rights: names no right, and not none")
	if (said["Holds"] !~ /(gives|takes)/)
		bad("Holds: says neither what it gives nor what it takes")
	if (said["Locks"] !~ /(any|none)/)
		bad("Locks: does not say which may be held")
	if (said["Context"] !~ /(may sleep|sleeps|does not sleep)/)
		bad("Context: does not say whether it sleeps")
	if (said["Context"] !~ /from a callback/)
		bad("Context: does not say whether a callback may call it")
	if ((type == "void") == ("Return" in said))
		bad(type == "void" ? "Return: of what returns nothing" : "Return: is missing")
	if (said["Return"] ~ /-E[A-Z]/)
		bad("Return: an errno that is no item of the list")
	for (e in errnos)
		print "pair " name " " e
	if (type != "void" && said["Return"] ~ /(or|but):[[:space:]]*$/ && !length(errnos))
		bad("Return: a list without an item")
}

function begin()
{
	name = current = type = ""
	request = "-"
	delete said
	delete errnos
}

BEGIN { begin() }
FNR == 1 { begin(); in_doc = 0 }
/^\/\*\*$/ { begin(); in_doc = 1; next }
in_doc && /^ \*\/$/ { in_doc = 0; documented = name; next }
in_doc && name == "" { if (match($0, /^ \* [a-z_0-9]+ - /)) name = $2; next }
in_doc && /^ \* ?@/ && current == "" { next }
in_doc { sub(/^ \* ?/, ""); section($0); next }
type == "" && name != "" && index($0, name "(") {
	type = $1 == "void" && $2 !~ /^\*/ ? "void" : "value"
}
/^EXPORT_SYMBOL_GPL\(/ {
	match($0, /\([^)]*\)/)
	exported = substr($0, RSTART + 1, RLENGTH - 2)
	if (name == exported)
		ended()
	else
		print "bad " exported ": no kernel-doc"
	begin()
}
