#!/bin/sh
# Writes resolution.jsonl and compatibility.jsonl anew. Needs a JDK of at least 17, Maven, and Maven Central.
set -eu
cd "$(dirname "$0")"
classpath=$(mktemp)
trap 'rm -f "$classpath"' EXIT
mvn --quiet --batch-mode dependency:build-classpath -Dmdep.outputFile="$classpath"
java -Dslf4j.internal.verbosity=ERROR -cp "$(cat "$classpath")" Generator.java
