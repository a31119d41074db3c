import { setTimeout } from 'node:timers/promises'

/**
 * Asks again and again.
 *
 * @returns The first answer that will do; the last one, when the time is over.
 */
export async function until<T>(ask: () => Promise<T>, willDo: (answer: T) => boolean, seconds: number): Promise<T> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (willDo(answer) || performance.now() > end) return answer
    await setTimeout(50)
  }
}
