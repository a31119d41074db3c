import { paint, plural, wrap } from '../terminal-text.ts'
import type { WatchEvent } from './watcher.ts'

const LEAST_WIDTH = 40
const MOST_WIDTH = 100
const LABEL = 10

/** An event as lines for people. @param columns - Of the terminal; a word that is longer keeps its line. */
export function linesOf(event: WatchEvent, columns: number): string[] {
  const width = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns))
  const time = timeOf(event.at)
  switch (event.event) {
    case 'server':
      return entry(time, `watching ${event.server}${event.name ? ` (${event.name})` : ''}, process ${event.pid}`, width)
    case 'server_gone':
      return entry(time, `${event.server} has stopped writing`, width)
    case 'lost':
      return entry(time, `${plural(event.count, 'record')} missing: too much happened at once`, width, 'yellow')
    case 'step': {
      const color = (event.status ?? 200) < 400 ? 'dim' : 'yellow'
      const status = event.status === undefined ? '' : `${event.status} `
      return [
        ...ofClient(time, event, event.asked, width),
        ...indented(`${status}${event.answered}`, width).map(line => paint(color, line)),
      ]
    }
    case 'calls':
      return ofClient(time, event, `${event.count} × ${event.operation}`, width)
    case 'same_client':
      return entry(time, `#${event.attempt} is #${event.as}, which begins again`, width)
    case 'stopped': {
      const silent = event.silent_seconds === undefined ? '' : `nothing for ${event.silent_seconds} s `
      return [
        ...entry(time, `#${event.attempt} ${event.client} stopped: ${silent}after ${event.after}`, width, 'red'),
        ...(event.expected === undefined ? [] : row('expected', event.expected, width)),
        ...row('means', event.means, width),
        ...row('fix', event.fix, width),
        ...row('see', event.see, width),
      ]
    }
  }
}

/** An attempt that something has to come from, in one line. */
export function waitingLine(
  { number, name, next, since }: { number: number; name: string; next: string; since: number },
  now: number,
  columns: number,
): string {
  const seconds = Math.max(0, Math.round((now - since) / 1_000))
  const text = `#${number} ${name}: ${seconds} s, waiting for ${next}`.replace(MAYBE_WIDE, '?')
  const most = Math.max(1, columns - 1)
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

const TIME = 9
/** Characters that may take two columns, so that a line at the foot would take two rows. */
const MAYBE_WIDE = /[^\u0020-\u024f]/gu

function entry(time: string, text: string, width: number, format?: Parameters<typeof paint>[0]): string[] {
  const [first = '', ...others] = wrap(text, width - TIME).map(line => (format ? paint(format, line) : line))
  return [`${paint('dim', time)} ${first}`, ...others.map(line => ' '.repeat(TIME) + line)]
}

function ofClient(
  time: string,
  { attempt, client }: { attempt: number; client: string },
  text: string,
  width: number,
): string[] {
  const name = `#${attempt} ${client}`
  const [first = '', ...others] = entry(time, `${name}  ${text}`, width)
  // After the lines were made: what colours it has no width.
  return [first.replace(name, () => paint('bold', name)), ...others]
}

const indented = (text: string, width: number) =>
  wrap(text, width - TIME - 2).map(line => `${' '.repeat(TIME + 2)}${line}`)

function row(label: string, text: string, width: number): string[] {
  const [first = '', ...others] = wrap(text, width - TIME - LABEL)
  const margin = ' '.repeat(TIME)
  return [`${margin}${label.padEnd(LABEL)}${first}`, ...others.map(line => `${margin}${' '.repeat(LABEL)}${line}`)]
}

/** Of the day, by the clock of this machine. */
function timeOf(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}
