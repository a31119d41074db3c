// How pages show commands: in a `console` block, lines that begin with `$ ` are commands, the others are lines of what they print,
// in which `…` stands for anything. All commands of a page belong to one shell.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** The `console` blocks of a page. */
export function consolesOf(page: string): string[] {
  return [...page.matchAll(/```console\n([\s\S]*?)```/g)].map(match => match[1] as string)
}

/** Runs the commands of all consoles in one shell, as a reader would, and returns what each one printed. */
export async function runConsoles(consoles: string[], replace: (text: string) => string): Promise<string[]> {
  const script = consoles
    .map(
      text =>
        `${commandsOf(text)
          .map(([command]) => replace(command))
          .join('\n')}\necho; echo ----`,
    )
    .join('\n')
  const shell = spawn('bash', ['-c', script])
  let output = ''
  shell.stdout.on('data', chunk => {
    output += chunk
  })
  await once(shell, 'close')
  return output.split('\n----\n').slice(0, -1)
}

/** Commands of a console, those that continue on the next line whole, each with the lines that it prints. */
export function commandsOf(text: string): [command: string, lines: string[]][] {
  return [...text.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n?)*)/gm)].map(([, command = '', output = '']) => [
    command,
    outputOf(output),
  ])
}

/** Lines that the page says are printed. */
export function outputOf(text: string): string[] {
  return text
    .replace(/^\$ ((?:.*\\\n)*.*)$/gm, '')
    .split('\n')
    .filter(line => line.trim())
}

/** `…` stands for anything. */
export function pattern(line: string): RegExp {
  const parts = line.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}\\s*$`, 'm')
}
