import { paint, wrap } from '../commands/doctor/report.ts'
import type { WatchEvent } from './watcher.ts'

const LEAST_WIDTH = 40
const MOST_WIDTH = 100
const LABEL = 10

/** An event as lines for people. @param width - Columns of the terminal; a word that is longer keeps its line. */
export function linesOf(event: WatchEvent, columns: number): string[] {
  const width = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns))
  const time = timeOf(event.at)
  switch (event.event) {
    case 'server':
      return entry(time, `watching ${event.server}${event.name ? ` (${event.name})` : ''}, process ${event.pid}`, width)
    case 'server_gone':
      return entry(time, `${event.server} has stopped writing`, width)
    case 'lost':
      return entry(time, paint('yellow', `${event.count} records are missing: too much happened at once`), width)
    case 'step': {
      const color = (event.status ?? 200) < 400 ? 'dim' : 'yellow'
      const status = event.status === undefined ? '' : `${event.status} `
      return [
        ...entry(time, `${paint('bold', `#${event.attempt} ${event.client}`)}  ${event.asked}`, width),
        ...indented(`${status}${event.answered}`, width).map(line => paint(color, line)),
      ]
    }
    case 'calls':
      return entry(
        time,
        `${paint('bold', `#${event.attempt} ${event.client}`)}  ${event.count} × ${event.operation}`,
        width,
      )
    case 'same_client':
      return entry(time, `#${event.attempt} is #${event.as}, which begins again`, width)
    case 'stopped': {
      const silent = event.silent_seconds === undefined ? '' : `nothing for ${event.silent_seconds} s `
      return [
        ...entry(time, paint('red', `#${event.attempt} ${event.client} stopped: ${silent}after ${event.after}`), width),
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
  const text = `#${number} ${name}: ${seconds} s, waiting for ${next}`
  const most = Math.max(1, columns - 1)
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

const TIME = 9

function entry(time: string, text: string, width: number): string[] {
  const [first = '', ...others] = wrap(text, width - TIME)
  return [`${paint('dim', time)} ${first}`, ...others.map(line => ' '.repeat(TIME) + line)]
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
