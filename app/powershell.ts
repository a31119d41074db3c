const ASSIGNMENTS = /^(\s*)((?:[A-Z][A-Z0-9_]*=(?:'[^'\n]*'|"[^"\n]*"|[^\s'"]*) +)+)(?=\S)/gm
const ASSIGNMENT = /([A-Z][A-Z0-9_]*)=('[^']*'|"[^"]*"|\S*)/g

/** Lines for a shell of POSIX as PowerShell takes them: variables before a command, input from a file, and the names of programs. */
export function forPowerShell(text: string): string {
  return text
    .replace(/^(\s*)(\S.*?) < (\S+)/gm, '$1Get-Content $3 | $2')
    .replace(ASSIGNMENTS, (_line, indent: string, assignments: string) => {
      const set = Array.from(
        assignments.matchAll(ASSIGNMENT),
        ([, name, value = '']) => `$env:${name}=${quoted(value)}; `,
      )
      return indent + set.join('')
    })
    .replace(/ \\$/gm, ' `')
    .replace(/\bcurl /g, 'curl.exe ')
}

/** Within double quotes PowerShell puts in its own variables. */
function quoted(value: string): string {
  if (value.startsWith('"')) return value.replace(/\$(?=[A-Z])/g, '$env:')
  return value.startsWith("'") ? value : `'${value}'`
}
