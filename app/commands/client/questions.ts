import { cancel, confirm, isCancel, multiselect, note, select, text } from '@clack/prompts'
import type { SessionOptions } from '../../client/session.ts'
import { printable } from './report.ts'

type Elicit = NonNullable<SessionOptions['elicit']>
type Params = Parameters<Elicit>[0]
type Field = Params['requestedSchema']['properties'][string]
type Answer = string | number | boolean | string[]

/** Asks the person at the terminal what the server wants to know. Ctrl+C declines. */
export const askPerson: Elicit = async ({ message, requestedSchema }) => {
  note(printable(message), 'The server asks')
  const required = new Set(requestedSchema.required)
  const content: Record<string, Answer> = {}
  for (const [name, field] of Object.entries(requestedSchema.properties)) {
    const answer = await ask(printable(field.title ?? name), field, required.has(name))
    if (isCancel(answer)) {
      cancel('Declined.')
      return { action: 'decline' }
    }
    if (answer !== undefined) content[name] = answer as Answer
  }
  return { action: 'accept', content }
}

async function ask(label: string, field: Field, required: boolean): Promise<Answer | symbol | undefined> {
  const message = field.description ? `${label}: ${printable(field.description)}` : label
  if (field.type === 'boolean') return confirm({ message, initialValue: field.default ?? false })
  if (field.type === 'array') return multiselect({ message, options: optionsOf(field.items), required })
  if ('enum' in field || 'oneOf' in field) {
    return select({ message, options: optionsOf(field), initialValue: field.default as string | undefined })
  }
  const isNumber = field.type === 'number' || field.type === 'integer'
  const answer = await text({
    message,
    initialValue: field.default === undefined ? '' : String(field.default),
    validate: (value = '') => {
      if (required && value === '') return 'Please enter a value.'
      return isNumber && value !== '' && Number.isNaN(Number(value)) ? 'Please enter a number.' : undefined
    },
  })
  if (isCancel(answer)) return answer
  if (!answer) return undefined
  return isNumber ? Number(answer) : answer
}

function optionsOf(choices: object): { value: string; label: string }[] {
  const {
    anyOf,
    enum: values,
    oneOf,
  } = choices as {
    enum?: string[]
    oneOf?: { const: string; title: string }[]
    anyOf?: { const: string; title: string }[]
  }
  const titled = oneOf ?? anyOf
  return titled
    ? titled.map(({ const: value, title }) => ({ value, label: printable(title) }))
    : (values ?? []).map(value => ({ value, label: printable(value) }))
}
