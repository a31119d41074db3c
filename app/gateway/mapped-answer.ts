import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { createLineEnds } from './line-ends.ts'
import { parseExactly } from './message.ts'

/** Changes the messages of an answer as it comes. */
export interface MappedAnswer {
  /** Whether nothing can be sent on before {@link end}. */
  readonly isWhole: boolean
  /**
   * @returns What can be sent on already.
   * @throws {Error} One message is too long.
   */
  take(chunk: Buffer): string
  /**
   * @returns The rest.
   * @throws {Error} It is not JSON.
   */
  end(): string
}

/** A message that is longer is not kept in memory to look into it. In characters. */
const LONGEST_MESSAGE = 8_388_608

const EVENTS = /^text\/event-stream\b/i
const JSON_TYPE = /^application\/json\b/i

/** A media type is the same in all letters (RFC 9110 §8.3.1). */
export const isEventStream = (type = ''): boolean => EVENTS.test(type)

/** Whether answers of a `Content-Type` hold messages. */
export const isMappable = (type = ''): boolean => EVENTS.test(type) || JSON_TYPE.test(type)

/**
 * @param type - `Content-Type` of the answer.
 * @param map - Returns what the client gets instead; `undefined`: nothing.
 * @returns `undefined` for an answer that holds no messages.
 */
export function createMappedAnswer(
  type: string | undefined,
  map: (message: object) => object | undefined,
): MappedAnswer | undefined {
  if (EVENTS.test(type ?? '')) return mappedEvents(map)
  return JSON_TYPE.test(type ?? '') ? mappedJson(map) : undefined
}

function mappedJson(map: (message: object) => object | undefined): MappedAnswer {
  const decoder = new TextDecoder()
  let text = ''
  return {
    isWhole: true,
    take(chunk) {
      text += decoder.decode(chunk, { stream: true })
      checkLength(text.length)
      return ''
    },
    end: () => (text === '' ? '' : mapped(text, map)),
  }
}

function mappedEvents(map: (message: object) => object | undefined): MappedAnswer {
  const decoder = new TextDecoder()
  const lineEnds = createLineEnds()
  let ready = ''
  const parser = createParser({
    onEvent(event) {
      ready += eventText(event, map)
    },
    onComment(comment) {
      ready += `: ${comment}\n\n`
    },
    onRetry(milliseconds) {
      ready += `retry: ${milliseconds}\n\n`
    },
    onError({ type }) {
      if (type === 'max-buffer-size-exceeded') throw tooLong()
    },
    maxBufferSize: LONGEST_MESSAGE,
  })
  return {
    isWhole: false,
    take(chunk) {
      parser.feed(lineEnds(decoder.decode(chunk, { stream: true })))
      const sent = ready
      ready = ''
      return sent
    },
    // An event that is not complete is none.
    end: () => '',
  }
}

function eventText({ id, event, data }: EventSourceMessage, map: (message: object) => object | undefined): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`
  const text = data === '' ? '' : mapped(data, map)
  return `${head}data: ${text.replaceAll('\n', '\ndata: ')}\n\n`
}

/** Every message of a text: one, or an array of them. An array in an array is no message. */
function mapped(text: string, map: (message: object) => object | undefined): string {
  const value = parsed(text)
  const all = Array.isArray(value) ? value.filter(message => !Array.isArray(message)) : [value]
  const messages = all.map(message => (typeof message === 'object' && message !== null ? map(message) : message))
  return JSON.stringify(Array.isArray(value) ? messages.filter(message => message !== undefined) : messages[0]) ?? ''
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text)
  } catch {
    // What the parser says has a piece of the text in it, which is not for the log.
    throw new Error('the target sent a message that is not JSON')
  }
}

function checkLength(length: number): void {
  if (length > LONGEST_MESSAGE) throw tooLong()
}

const tooLong = () => new Error('the answer to a listing is too long to look into')
