import type { Catalog, PromptDefinition, ResourceDefinition } from './catalog.ts'
import type { NoteStore } from './notes.ts'
import { createTools } from './tools.ts'

/** Everything that the notes server offers. */
export function createNotesCatalog(notes: NoteStore, version: string): Catalog {
  return {
    name: 'idplug-notes',
    title: 'Notes behind a sign-in',
    version,
    instructions:
      'Keeps short notes of the signed-in user. Calling a tool that needs more than the access token allows makes the client ask for it.',
    tools: createTools(notes),
    resources: [notesAsText(notes)],
    prompts: [summarize],
  }
}

function notesAsText(notes: NoteStore): ResourceDefinition {
  return {
    uri: 'notes://mine',
    name: 'my-notes',
    title: 'My notes',
    description: 'All notes of the signed-in user as one Markdown text.',
    mimeType: 'text/markdown',
    read: async ({ owner }) =>
      (await notes.list(owner)).map(({ title, text }) => `# ${title}\n\n${text}\n`).join('\n') ||
      'There are no notes yet.\n',
  }
}

const summarize: PromptDefinition = {
  name: 'summarize_notes',
  title: 'Summarize my notes',
  description: 'Asks for a summary of the signed-in user’s notes.',
  arguments: [{ name: 'style', description: 'Such as "one sentence" or "as a list"', required: false }],
  render: ({ style = 'a short paragraph' }) =>
    `Read all of my notes with list_notes and read_note, then summarize them. Style: ${style}.`,
}
