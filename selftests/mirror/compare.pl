#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# compare.pl REFERENCE OURS KIND
#
# Holds the mirror headers in the directory OURS against those of mingw-w64 in the
# directory REFERENCE. Both are read as text: the types of Windows mean something
# else to a native compiler. KIND is one of:
#
#	functions	compares number, order, direction and type names of the
#			parameters itself; says what differs and exits 1
#	prototypes constants statuses enums structs
#			prints a C program that compiles against our headers, and ends
#			with 0, only if all is there and the same. The structs of
#			the reference are laid out with the widths of 64-bit Windows.

use strict;
use warnings;

my ($reference, $ours, $kind) = @ARGV;
die "usage: compare.pl REFERENCE OURS KIND\n" unless $kind;

my @failures;

sub slurp {
	my ($path) = @_;

	open my $file, '<', $path or die "$path: $!\n";
	local $/;
	my $text = <$file>;
	$text =~ s{/\*.*?\*/}{ }gs;
	$text =~ s{//[^\n]*}{}g;
	$text =~ s{\\\n}{ }g;
	return $text;
}

# From "#ifndef GUARD" to the "#endif" that belongs to it.
sub guarded {
	my ($text, $guard) = @_;
	my ($depth, @lines) = (0);

	for my $line (split /\n/, $text) {
		$depth = 1, next if !$depth && $line =~ /^\s*#\s*ifndef\s+\Q$guard\E\b/;
		next unless $depth;
		$depth++ if $line =~ /^\s*#\s*if/;
		$depth-- if $line =~ /^\s*#\s*endif/;
		last unless $depth;
		push @lines, $line;
	}
	die "no block of $guard\n" unless @lines;
	return join("\n", @lines) . "\n";
}

my $wdm = slurp("$reference/ddk/wdm.h");
my $winnt = slurp("$reference/winnt.h");
my %source = (
	ktmtypes => slurp("$reference/ktmtypes.h"),
	ktmw32 => slurp("$reference/ktmw32.h"),
	wdm => guarded($wdm, '_NTTMAPI_'),
	winnt => guarded($winnt, '_NTTMAPI_'),
);

# ---- what is in a text

sub without_directives {
	my ($text) = @_;

	$text =~ s/^\s*#[^\n]*//gm;
	return $text;
}

# [name, value] of each macro that has a value.
sub macros {
	my ($text) = @_;
	my @macros;

	while ($text =~ /^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([^\n]*\S)/gm) {
		push @macros, [$1, $2];
	}
	return @macros;
}

# "_Out_writes_bytes_(n) PVOID x" or "OUT PVOID x OPTIONAL" to [type, direction, optional, name].
sub parameter {
	my ($text, $where) = @_;
	my ($in, $out, $optional) = (0, 0, 0);
	my @words;

	for my $word (split ' ', $text =~ s/\*/ * /gr) {
		if ($word =~ /^_(In|Out|Inout)(_.*)?_$/) {
			$in = 1 if $1 ne 'Out';
			$out = 1 if $1 ne 'In';
			$optional = 1 if ($2 // '') =~ /opt/;
		} elsif ($word eq 'IN') {
			$in = 1;
		} elsif ($word eq 'OUT') {
			$out = 1;
		} elsif ($word eq 'OPTIONAL') {
			$optional = 1;
		} else {
			push @words, $word;
		}
	}
	die "$where: cannot read the parameter '$text'\n" if @words < 2;
	my $name = lc pop @words;
	my $type = join ' ', @words;
	# Windows calls it BOOL; mingw has that name for it only where nothing else has.
	$type =~ s/\bWINBOOL\b/BOOL/;
	my $direction = $in && $out ? 'in and out' : $in ? 'in' : $out ? 'out' : '';
	return [$type, $direction, $optional, $name];
}

my %noise = map { $_ => 1 } qw(extern NTAPI WINAPI NTSYSAPI NTSYSCALLAPI NTKERNELAPI);

# name to { result, parameters => [...] } of each prototype whose name is $wanted.
sub functions {
	my ($text, $wanted) = @_;
	my %functions;

	$text = without_directives($text);
	$text =~ s/\btypedef\b[^;{]*;//g;
	$text =~ s/\b(_\w+_)\([^()]*\)/$1/g;
	while ($text =~ /([\w\s*]+?)\b(\w+)\s*\(([^()]*)\)\s*;/g) {
		my ($head, $name, $inside) = ($1, $2, $3);
		next if $wanted && $name !~ $wanted;
		my @result = grep { !$noise{$_} } split ' ', $head;
		my @parameters;

		$inside =~ s/^\s+|\s+$//g;
		if ($inside !~ /^(VOID|void|)$/) {
			@parameters = map { parameter($_, $name) } split /,/, $inside;
		}
		my $result = join ' ', @result;
		$result =~ s/\bWINBOOL\b/BOOL/;
		$functions{$name} = { result => $result, parameters => \@parameters };
	}
	return %functions;
}

sub our_text {
	return join "\n", map { slurp("$ours/$_") } @_;
}

# Of Windows' kernel: what the block declares, and the Zw twins of that.
sub native_reference {
	my %native = functions($source{wdm});
	my %all = functions($wdm, qr{^Zw});

	for my $name (keys %native) {
		my $twin = $name =~ s/^Nt/Zw/r;

		$native{$twin} = $all{$twin} if $all{$twin};
	}
	die "the reference has no functions\n" if keys %native < 60;
	return %native;
}

# ---- functions

# What the two twins of the reference say of one parameter may differ (mingw has both
# IN and OUT for some ReturnLength): ours must agree with one, and be optional if it
# is in either.
sub compare_native {
	my %theirs = native_reference();
	my %mine = functions(our_text('ktm/zw.h'));
	my $count = 0;

	for my $name (sort keys %theirs) {
		my $twin = $name =~ /^Nt(.*)/ ? "Zw$1" : "Nt" . substr($name, 2);
		my @twins = grep { $_ } $theirs{$name}, $theirs{$twin};

		if (!$mine{$name}) {
			push @failures, "$name is missing";
			next;
		}
		compare_one($name, $mine{$name}, 1, @twins);
		$count++;
	}
	# Each has both names, those too that the reference has only one of.
	for my $name (sort grep { /^(Nt|Zw)/ } keys %mine) {
		my $twin = $name =~ /^Nt(.*)/ ? "Zw$1" : "Nt" . substr($name, 2);

		if (!$mine{$twin}) {
			push @failures, "$name is there, $twin is not";
			next;
		}
		compare_one($name, $mine{$name}, 1, $mine{$twin});
	}
	print "$count functions of wdm.h\n";
}

sub compare_win32 {
	my %theirs = functions($source{ktmw32});
	my %mine = functions(our_text('ktmw32.h'));
	my %native = functions(our_text('ktm/zw.h'));

	die "the reference has no functions\n" if keys %theirs < 30;
	for my $name (sort keys %theirs) {
		if (!$mine{$name}) {
			push @failures, "$name is missing";
			next;
		}
		# Its header marks no directions; a pointer to what a call fills in is
		# told by its type or by the native call's parameter of the same type.
		compare_one($name, $mine{$name}, 0, $theirs{$name});
		compare_with_native($name, $mine{$name}, $native{"Zw$name"});
	}
	print scalar(keys %theirs), " functions of ktmw32.h\n";
}

sub compare_with_native {
	my ($name, $mine, $native) = @_;

	for my $parameter (@{$mine->{parameters}}) {
		my ($type, $direction) = @$parameter;

		push @failures, "$name: a parameter of type $type has no direction"
			unless $direction;
		push @failures, "$name: a $type cannot be $direction"
			if $direction ne 'in' && $type !~ /^(P|LP)|\*$/;
		next unless $native;
		my %directions = map { $_->[0] eq $type ? ($_->[1] => 1) : () }
			@{$native->{parameters}};
		push @failures, "$name: $type is $direction, not so in Zw$name"
			if %directions && !$directions{$direction};
	}
}

sub compare_one {
	my ($name, $mine, $directions, @theirs) = @_;
	my $count = @{$theirs[0]{parameters}};
	my $have = @{$mine->{parameters}};

	if ($have != $count) {
		push @failures, "$name has $have parameters, not $count";
		return;
	}
	push @failures, "$name returns $mine->{result}, not $theirs[0]{result}"
		if $mine->{result} ne $theirs[0]{result};
	for my $i (0 .. $count - 1) {
		my ($type, $direction, $optional, $called) = @{$mine->{parameters}[$i]};
		my @wanted = map { $_->{parameters}[$i] } @theirs;
		my $where = "$name, parameter " . ($i + 1);

		# Two of one type that are exchanged are told by their names.
		push @failures, "$where is $called, which is another one of theirs"
			if grep { my $t = $_; $t->{parameters}[$i][3] ne $called &&
				  grep { $_->[3] eq $called } @{$t->{parameters}} } @theirs;
		push @failures, "$where is of type $type, not $wanted[0][0]"
			unless grep { $_->[0] eq $type } @wanted;
		next unless $directions;
		push @failures, "$where is '$direction', not '$wanted[0][1]'"
			unless grep { $_->[1] eq $direction } @wanted;
		my $may = grep { $_->[2] } @wanted;
		push @failures, "$where is " . ($optional ? '' : 'not ') . 'optional'
			if !$optional != !$may;
	}
}

# ---- programs: what they compare is told by the compiler

sub program {
	my ($header, @body) = @_;

	print "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n";
	print "#include <ktm/zw.h>\n#include <ktmw32.h>\n" if $header;
	print @body;
}

# Declared a second time as the reference has them: another type does not compile.
sub prototypes {
	my %native = native_reference();
	my %win32 = functions($source{ktmw32});
	my %all = (%native, %win32);
	my @body;

	for my $name (sort keys %all) {
		my @types = map { $_->[0] } @{$all{$name}{parameters}};

		push @body, "$all{$name}{result} $name(", (join ', ', @types) || 'void', ");\n";
	}
	# typedef RESULT (NTAPI *NAME)(...);
	my $text = without_directives($source{wdm});
	while ($text =~ /typedef\s+\w+\s*\(\s*NTAPI\s*\*\s*(PFN_NT_(\w+))\s*\)/g) {
		my ($type, $name) = ($1, join '', map { ucfirst lc } split /_/, $2);

		push @body, "_Static_assert(__builtin_types_compatible_p($type, ",
			"__typeof__(&Nt$name)), \"$type\");\n";
	}
	program(1, @body, "int main(void)\n{\n\treturn 0;\n}\n");
}

# A macro's value, made of the reference's own macros, not of ours.
sub renamed {
	my ($value, $prefix, $known) = @_;

	$value =~ s/\(NTSTATUS\)/(int32_t)/g;
	$value =~ s/__MSABI_LONG\s*\(([^()]*)\)/$1/g;
	$value =~ s/\b([A-Z_]\w*)\b(?!")/$known->{$1} ? $prefix . $1 : $1/ge;
	return $value;
}

sub compare_macros {
	my ($prefix, $helpers, @macros) = @_;
	my %known = map { $_->[0] => 1 } @macros, @$helpers;
	my (@defines, @static, @strings);

	for my $macro (@macros, @$helpers) {
		push @defines, "#define $prefix$macro->[0] ",
			renamed($macro->[1], $prefix, \%known), "\n";
	}
	for my $macro (@macros) {
		my ($name, $value) = @$macro;

		if ($value =~ /^L"/) {
			push @strings, $name;
			push @static, "_Static_assert(sizeof($name) == sizeof($prefix$name), ",
				"\"$name\");\n";
		} else {
			push @static, "_Static_assert(($name) == ($prefix$name), \"$name\");\n";
		}
	}
	return (\@defines, \@static, [map {
		"\tdiffer |= memcmp($_, $prefix$_, sizeof($prefix$_));\n" } @strings]);
}

sub print_macros {
	my (@parts) = @_;

	program(1, (map { @{$_->[0]} } @parts), (map { @{$_->[1]} } @parts),
		"int main(void)\n{\n\tint differ = 0;\n\n", (map { @{$_->[2]} } @parts),
		"\treturn !!differ;\n}\n");
}

sub constants {
	my @base = macros($winnt);
	my %base = map { $_->[0] => $_->[1] } @base;
	# What the rights are made of: not in the blocks, but in ours it is, too.
	my @helpers = map { [$_, $base{$_}] } grep { exists $base{$_} }
		qw(DELETE READ_CONTROL WRITE_DAC WRITE_OWNER SYNCHRONIZE STANDARD_RIGHTS_REQUIRED
		   STANDARD_RIGHTS_READ STANDARD_RIGHTS_WRITE STANDARD_RIGHTS_EXECUTE
		   STANDARD_RIGHTS_ALL SPECIFIC_RIGHTS_ALL MAXIMUM_ALLOWED GENERIC_READ
		   GENERIC_WRITE GENERIC_EXECUTE GENERIC_ALL);
	my @parts = compare_macros_of('base_', [], @helpers);

	for my $name (qw(ktmtypes wdm winnt)) {
		my @macros = macros($source{$name});

		die "$name has no constants\n" if @macros < 30;
		push @parts, compare_macros_of("${name}_", $name eq 'ktmtypes' ? [] : \@helpers,
					       @macros);
	}
	# Whatever of ours has a name that they have elsewhere has its value, too.
	my %mine = map { $_->[0] => 1 } macros(our_text('ktm/nt.h', 'ktm/winerror.h'));
	for my $file (qw(ntdef winerror)) {
		my @same = grep { $mine{$_->[0]} && $_->[1] =~ /^(__MSABI_LONG\()?\s*[0-9]/ }
			macros(slurp("$reference/$file.h"));

		die "$file has nothing in common with ours\n" if @same < 5;
		push @parts, compare_macros_of("${file}_", [], @same);
	}
	print_macros(@parts);
}

sub compare_macros_of {
	my ($prefix, $helpers, @macros) = @_;

	return [compare_macros($prefix, $helpers, @macros)];
}

sub statuses {
	my @macros = macros(slurp("$reference/ntstatus.h"));

	die "no statuses\n" if @macros < 1000;
	print_macros(compare_macros_of('ref_', [], @macros));
}

sub enums {
	my @body;

	for my $name (qw(wdm winnt)) {
		my $text = without_directives($source{$name});
		my $count = 0;

		while ($text =~ /typedef\s+enum\s+\w*\s*\{([^}]*)\}\s*([^;]*);/g) {
			my ($inside, $types) = ($1, $2);
			my @members = grep { /\w/ } split /,/, $inside;

			push @body, "enum { ", (join ', ', map { s/^\s+//r =~ s/^/${name}_/r }
						@members), " };\n";
			for my $member (@members) {
				my ($word) = $member =~ /(\w+)/;

				push @body, "_Static_assert((int)$word == (int)${name}_$word, ",
					"\"$word\");\n";
			}
			push @body, type_names($types, 'sizeof(int)');
			$count++;
		}
		die "$name has no enums\n" unless $count;
	}
	program(1, @body, "int main(void)\n{\n\treturn 0;\n}\n");
}

# "NAME, *PNAME, *RESTRICTED_POINTER PRNAME": the first has that size, the others point to it.
sub type_names {
	my ($types, $size) = @_;
	my @names = map { s/\bRESTRICTED_POINTER\b//r } split /,/, $types;
	my ($first) = grep { !/\*/ } @names;
	my @body;

	$first =~ s/\s+//g;
	push @body, "_Static_assert(sizeof($first) == $size, \"$first\");\n";
	for my $name (grep { /\*/ } @names) {
		$name =~ s/[\s*]+//g;
		push @body, "_Static_assert(__builtin_types_compatible_p($name, $first *), ",
			"\"$name\");\n";
	}
	return @body;
}

# The types of 64-bit Windows by their widths.
my $widths = <<'WIDTHS';
typedef uint32_t X_ULONG, X_DWORD;
typedef uint64_t X_ULONGLONG, X_PVOID, X_HANDLE, X_ULONG_PTR;
typedef uint16_t X_WCHAR;
typedef struct { uint32_t a; uint16_t b, c; uint8_t d[8]; } X_GUID;
typedef union { struct { uint32_t low; int32_t high; } u; int64_t quad; } X_LARGE_INTEGER;
_Static_assert(sizeof(GUID) == sizeof(X_GUID), "GUID");
_Static_assert(sizeof(LARGE_INTEGER) == 8 && offsetof(LARGE_INTEGER, HighPart) == 4 &&
	       offsetof(LARGE_INTEGER, u.HighPart) == 4, "LARGE_INTEGER");
_Static_assert(sizeof(WCHAR) == 2 && (WCHAR)-1 > 0, "WCHAR");
_Static_assert(sizeof(ULONG) == 4 && (ULONG)-1 > 0 && sizeof(LONG) == 4 && (LONG)-1 < 0, "LONG");
_Static_assert(sizeof(NTSTATUS) == 4 && (NTSTATUS)-1 < 0, "NTSTATUS");
_Static_assert(sizeof(BOOLEAN) == 1 && sizeof(BOOL) == 4, "BOOLEAN, BOOL");
_Static_assert(sizeof(HANDLE) == 8 && sizeof(ULONG_PTR) == 8 && (ULONG_PTR)-1 > 0, "HANDLE");
WIDTHS

sub structs {
	my @body;

	for my $name (qw(ktmtypes wdm winnt)) {
		my $text = without_directives($source{$name});
		my $prefix = "${name}_";
		my %local;
		my $count = 0;

		while ($text =~ /typedef\s+(?:struct\s+\w*\s*\{([^}]*)\}\s*([^;]*)|(\w+)\s+([^;(){}]*));/g) {
			my ($inside, $types, $old, $new) = ($1, $2, $3, $4);
			my ($first) = ($types // $new) =~ /(\w+)/;

			if ($old) {
				next if $old eq 'enum';
				push @body, "typedef ", field_type($old, $prefix, \%local),
					" $prefix$first;\n",
					type_names($new, "sizeof($prefix$first)");
				$local{$first} = 1;
				next;
			}
			my (@fields, @types);
			my $struct = '';

			for my $field (grep { /\w/ } split /;/, $inside) {
				my ($type, $word, $array) = $field =~ /(\w+)\s+(\w+)\s*(\[.*\])?\s*$/
					or die "cannot read the field '$field'\n";

				$struct .= field_type($type, $prefix, \%local) . " $word" .
					($array // '') . '; ';
				push @fields, $word;
				# Two types of one width are not one type.
				my $ours = "(($first *)0)->$word" . ($array ? '[0]' : '');
				push @types, "_Static_assert(__builtin_types_compatible_p(" .
					"__typeof__($ours), $type), \"type of $first.$word\");\n";
			}
			push @body, "typedef struct { $struct} $prefix$first;\n",
				type_names($types, "sizeof($prefix$first)");
			for my $word (@fields) {
				push @body, "_Static_assert(offsetof($first, $word) == ",
					"offsetof($prefix$first, $word) && ",
					"sizeof((($first *)0)->$word) == ",
					"sizeof((($prefix$first *)0)->$word), \"$first.$word\");\n";
			}
			push @body, @types;
			$local{$first} = 1;
			$count++;
		}
		die "$name has no structs\n" if $count < 5;
	}
	program(1, $widths, @body, "int main(void)\n{\n\treturn 0;\n}\n");
}

sub field_type {
	my ($type, $prefix, $local) = @_;

	return $local->{$type} ? "$prefix$type" : "X_$type";
}

# ----

if ($kind eq 'functions') {
	compare_native();
	compare_win32();
	print "$_\n" for @failures;
	exit(@failures ? 1 : 0);
}
my %kinds = (prototypes => \&prototypes, constants => \&constants, statuses => \&statuses,
	     enums => \&enums, structs => \&structs);
die "no such kind: $kind\n" unless $kinds{$kind};
$kinds{$kind}->();
