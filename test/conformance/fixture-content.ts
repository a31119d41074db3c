import { setTimeout as pause } from 'node:timers/promises'
import type {
  CallToolResult,
  ElicitRequestFormParams,
  GetPromptResult,
  ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js'

// What the conformance suite expects of a server in every protocol revision. Names and texts are the suite's.

// One red pixel, and a WAV file without samples.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }

export const text = (text: string) => ({ type: 'text' as const, text })
export const textResult = (message: string) => ({ content: [text(message)] })
export const userMessage = <C>(content: C) => ({ role: 'user' as const, content })

interface ContentTool {
  name: string
  description: string
  content: CallToolResult['content']
}

/** Tools that always answer the same. */
export const contentTools: readonly ContentTool[] = [
  {
    name: 'test_simple_text',
    description: 'Text',
    content: [text('This is a simple text response for testing.')],
  },
  { name: 'test_image_content', description: 'An image', content: [image] },
  {
    name: 'test_audio_content',
    description: 'Audio',
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  },
  {
    name: 'test_embedded_resource',
    description: 'An embedded resource',
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  },
  {
    name: 'test_multiple_content_types',
    description: 'Text, an image and a resource',
    content: [
      text('Multiple content types test:'),
      image,
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  },
]

export function failingTool(): never {
  throw new Error('This tool intentionally returns an error for testing')
}

/** Runs the steps with some time between them, so that each leaves the server before the next begins. */
export async function inSteps<T>(steps: readonly T[], step: (value: T) => Promise<void>): Promise<void> {
  for (const value of steps) {
    await step(value)
    await pause(50)
  }
}

interface ContentResource {
  name: string
  uri: string
  mimeType: string
  contents: ReadResourceResult['contents']
}

export const resources: readonly ContentResource[] = [
  {
    name: 'static-text',
    uri: 'test://static-text',
    mimeType: 'text/plain',
    contents: [
      {
        uri: 'test://static-text',
        mimeType: 'text/plain',
        text: 'This is the content of the static text resource.',
      },
    ],
  },
  {
    name: 'static-binary',
    uri: 'test://static-binary',
    mimeType: 'image/png',
    contents: [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }],
  },
  {
    name: 'watched-resource',
    uri: 'test://watched-resource',
    mimeType: 'text/plain',
    contents: [{ uri: 'test://watched-resource', mimeType: 'text/plain', text: 'Watched.' }],
  },
]

export const TEMPLATE = 'test://template/{id}/data'

export function readTemplate(uri: URL, id: string | string[] | undefined): ReadResourceResult {
  const data = { id, templateTest: true, data: `Data for ID: ${id}` }
  return { contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(data) }] }
}

export const prompts = {
  simple: { messages: [userMessage(text('This is a simple prompt for testing.'))] },
  image: { messages: [userMessage(image), userMessage(text('Please analyze the image above.'))] },
  withArguments: (arg1: string, arg2: string) => ({
    messages: [userMessage(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  }),
  embedding: (uri: string): GetPromptResult => ({
    messages: [
      userMessage({
        type: 'resource',
        resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
      }),
      userMessage(text('Please process the embedded resource above.')),
    ],
  }),
}

export const completions = (value: string) => ['paris', 'park', 'party'].filter(city => city.startsWith(value))

type Property = ElicitRequestFormParams['requestedSchema']['properties'][string]

/** A form that asks for the given properties, all of them required. */
export function form(message: string, properties: Record<string, Property>): ElicitRequestFormParams {
  return { message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) } }
}
