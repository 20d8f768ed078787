-- SPDX-License-Identifier: GPL-2.0
-- The table that the demo imports into.
CREATE TABLE documents (
	package	TEXT NOT NULL,
	version	TEXT NOT NULL,
	path	TEXT NOT NULL PRIMARY KEY,
	size	INTEGER NOT NULL,
	sha256	TEXT NOT NULL
);
