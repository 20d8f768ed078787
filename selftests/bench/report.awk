# SPDX-License-Identifier: GPL-2.0
#
# From what the machine printed to a table, bench.json (-v json=FILE) and a plot
# (-v svg=FILE). Fails if a row is missing.
#
# In, separated by tabs:
#	@row NAME UNIT FLOOR|- OURS VALUE LEAST GREATEST <=|>= GOAL
#	@remark NAME TEXT	@machine TEXT
#	@panel TITLE		@point WHO CLIENTS PER-SECOND LEAST GREATEST

BEGIN {
	FS = "\t"
	rows = split("volatile_1rm volatile_2rm kernel_rm durable_1client forced_writes " \
		     "group_64 transfer_vs_sqlite scale_cpu open_100k bytes_per_tx recovery_1m", names, " ")
	split("ktm sqlite-delete sqlite-wal user-space", peers, " ")
	title["ktm"] = "ktm"
	title["sqlite-delete"] = "SQLite, DELETE"
	title["sqlite-wal"] = "SQLite, WAL (not atomic)"
	title["user-space"] = "user-space coordinator"
	color["ktm"] = "#0072b2"
	color["sqlite-delete"] = "#d55e00"
	color["sqlite-wal"] = "#b8860b"
	color["user-space"] = "#009e73"
}

$1 == "@row" { row[$2] = $0 }
$1 == "@remark" { remarks[$2] = remarks[$2] "  " $2 ": " $3 "\n" }
$1 == "@machine" { machine = $2 }
$1 == "@panel" { panel_title[++panels] = $2 }
$1 == "@point" {
	# Where no panel was named there is one.
	if (!panels)
		panels = 1
	key = panels SUBSEP $2
	n = ++points[key]
	clients[key, n] = $3
	median[key, n] = $4
	least[key, n] = $5
	greatest[key, n] = $6
	if ($6 > top)
		top = $6
	if (!bottom || $5 < bottom)
		bottom = $5
}

function met(f)
{
	return f[9] == "<=" ? f[6] + 0 <= f[10] + 0 : f[6] + 0 >= f[10] + 0
}

function write_json(	i, f, first)
{
	printf "[" >json
	for (i = 1; i <= rows; i++) {
		if (!(names[i] in row))
			continue
		split(row[names[i]], f, "\t")
		printf "%s\n{\"row\": \"%s\", \"floor\": %s, \"ours\": %s, \"value\": %s, " \
		       "\"goal\": %s, \"unit\": \"%s\", \"direction\": \"%s\", " \
		       "\"spread\": [%s, %s], \"met\": %s}", first++ ? "," : "", f[2],
		       f[4] == "-" ? "null" : f[4], f[5], f[6], f[10], f[3], f[9], f[7], f[8],
		       met(f) ? "true" : "false" >json
	}
	print "\n]" >json
	close(json)
}

function write_table(	i, f)
{
	print "ktm bench: " machine
	print ""
	printf "%-19s %10s %10s %10s  %-19s %-9s %-7s %s\n", "row", "floor", "ours", "value",
	       "least .. greatest", "goal", "", "unit of floor and ours"
	for (i = 1; i <= rows; i++) {
		if (!(names[i] in row))
			continue
		split(row[names[i]], f, "\t")
		printf "%-19s %10s %10s %10s  %-19s %-9s %-7s %s\n", f[2], f[4], f[5], f[6],
		       f[7] " .. " f[8], f[9] " " f[10], met(f) ? "met" : "MISSED", f[3]
	}
	print ""
	for (i = 1; i <= rows; i++)
		printf "%s", remarks[names[i]]
}

# ---- the plot: both axes logarithmic, a panel for each kind of disk ----

function log10(x)
{
	return log(x) / log(10)
}

function x_of(panel, count)
{
	return left + (panel - 1) * (width + gap) + log(count) / log(64) * width
}

function y_of(rate)
{
	return above + height * (log10(ceiling) - log10(rate)) / (log10(ceiling) - log10(ground))
}

function line(x1, y1, x2, y2, style)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
	       style >svg
}

function text(x, y, style, what)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, style, what >svg
}

function draw_axes(panel,	rate, count, x)
{
	x = x_of(panel, 1)
	text(x, above - 14, "font-size=\"13\"", panel_title[panel])
	for (rate = ground; rate <= ceiling; rate *= 10) {
		line(x, y_of(rate), x + width, y_of(rate), "stroke=\"#ddd\"")
		text(x - 6, y_of(rate) + 4, "text-anchor=\"end\"", rate)
	}
	for (count = 1; count <= 64; count *= 2) {
		line(x_of(panel, count), above + height, x_of(panel, count), above + height + 4,
		     "stroke=\"#555\"")
		text(x_of(panel, count), above + height + 18, "text-anchor=\"middle\"", count)
	}
	line(x, above + height, x + width, above + height, "stroke=\"#555\"")
	text(x + width / 2, above + height + 38, "text-anchor=\"middle\"", "clients")
}

function draw_curve(panel, who,		key, i, x, y)
{
	key = panel SUBSEP who
	if (!points[key])
		return
	printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", color[who] >svg
	for (i = 1; i <= points[key]; i++)
		printf "%.1f,%.1f ", x_of(panel, clients[key, i]), y_of(median[key, i]) >svg
	print "\"/>" >svg
	for (i = 1; i <= points[key]; i++) {
		x = x_of(panel, clients[key, i])
		y = y_of(median[key, i])
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y,
		       color[who] >svg
		line(x, y_of(least[key, i]), x, y_of(greatest[key, i]),
		     "stroke=\"" color[who] "\"")
	}
}

function draw_legend(y,		i, x)
{
	x = left
	for (i = 1; i in peers; i++) {
		line(x, y - 4, x + 22, y - 4, "stroke=\"" color[peers[i]] "\" stroke-width=\"2\"")
		text(x + 28, y, "", title[peers[i]])
		x += 190
	}
}

function write_svg(	panel, i)
{
	left = 60; above = 70; width = 380; height = 300; gap = 70
	ground = 10 ^ int(log10(bottom < 1 ? 1 : bottom))
	for (ceiling = ground; ceiling < top; ceiling *= 10)
		;
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" " \
	       "font-family=\"sans-serif\" font-size=\"11\">\n" \
	       "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	       left + panels * (width + gap), above + height + 80 >svg
	text(left, 26, "font-size=\"15\"",
	     "Transfers between two stores: how many a second, by the number of clients")
	for (panel = 1; panel <= panels; panel++) {
		draw_axes(panel)
		for (i = 1; i in peers; i++)
			draw_curve(panel, peers[i])
	}
	draw_legend(above + height + 66)
	print "</svg>" >svg
	close(svg)
}

END {
	write_json()
	write_table()
	if (panels)
		write_svg()
	for (i = 1; i <= rows; i++) {
		if (!(names[i] in row)) {
			print "bench: no row " names[i] >"/dev/stderr"
			missing = 1
		}
	}
	if (!panels) {
		print "bench: nothing to plot" >"/dev/stderr"
		missing = 1
	}
	exit missing
}
