import type { Command } from 'commander'

/** Random ids and tokens are longer than any option, however it is misspelled. */
const ID = /^-[\w-]{31,}$/

/**
 * Moves ids and tokens that begin with a hyphen, as one in 64 does, behind `--`, where they are not taken for options.
 *
 * @param program - With the command that is called.
 * @param args - Arguments of the program, the name of the command first.
 */
export function withoutLeadingHyphens(program: Command, args: readonly string[]): string[] {
  const options: string[] = []
  const ids: string[] = []
  let command = program
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string
    if (arg === '--') return [...options, arg, ...ids, ...args.slice(index + 1)]
    const option = command.options.find(({ short, long }) => arg === short || arg === long)
    if (!option && ID.test(arg)) {
      ids.push(arg)
      continue
    }
    options.push(arg)
    command = command.commands.find(each => each.name() === arg) ?? command
    // What follows is its value, whatever that begins with.
    if (option?.required) options.push(...args.slice(++index, index + 1))
  }
  return ids.length === 0 ? options : [...options, '--', ...ids]
}
