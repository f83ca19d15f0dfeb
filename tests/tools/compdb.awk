# Turns the compile commands of `make -Bnk V=1` into compile_commands.json.
/ -c [^ ]+\.cc -o / {
  file = $0
  sub(/.* -c /, "", file)
  sub(/ -o .*/, "", file)
  command = $0
  gsub(/\\/, "\\\\", command)
  gsub(/"/, "\\\"", command)
  entries[++n] = sprintf("  {\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}", dir, file, command)
}
END {
  print "["
  for (i = 1; i <= n; i++) print entries[i] (i < n ? "," : "")
  print "]"
}
