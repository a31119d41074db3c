import { z } from 'zod'

// What the three servers in this folder have in common.

const contents = new Map([['a', 'Hello']])
let release: (() => void) | undefined

export const readNote = {
  name: 'read_note',
  description: 'Reads a note',
  input: z.object({ name: z.string() }),
  run: ({ name }: { name: string }) => contents.get(name) ?? 'no such note',
}

export const writeNote = {
  name: 'write_note',
  description: 'Writes a note',
  input: z.object({ name: z.string(), text: z.string() }),
  run({ name, text }: { name: string; text: string }) {
    contents.set(name, text)
    return `wrote ${name}`
  },
}

export const wait = {
  name: 'wait',
  description: 'Reports progress, and answers when somebody calls "release"',
  async run(report: () => Promise<unknown>) {
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    await report()
    await released
    return 'released'
  },
}

export const releaseTool = {
  name: 'release',
  description: 'Lets "wait" answer',
  run() {
    release?.()
    return 'ok'
  },
}
