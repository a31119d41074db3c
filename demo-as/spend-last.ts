import { hash } from 'node:crypto'
import Provider, { type TokenEndpointGrantContext } from 'oidc-provider'
import type { Locks } from './locks.ts'

type GrantHandler = (ctx: TokenEndpointGrantContext) => void | Promise<void>

/** What spendLast needs of a model of oidc-provider. */
interface Model {
  prototype: { consume(): Promise<void> }
}

const marking = 'marking'

/**
 * Has codes and refresh tokens marked as used after what they give was made and stored, where oidc-provider does it before: what breaks off in
 * between has not happened, and can be made again.
 */
export function markLast(model: Model): void {
  const { consume } = model.prototype
  model.prototype.consume = async function () {
    const marks: (() => Promise<void>)[] | undefined = Provider.ctx?.state[marking]
    if (marks) marks.push(() => consume.call(this))
    else await consume.call(this)
  }
}

/**
 * Runs a grant of oidc-provider with its marks put off.
 *
 * @returns Makes the marks: whoever makes one first has used the thing.
 */
export async function withMarksLast(
  ctx: TokenEndpointGrantContext,
  handler: GrantHandler,
): Promise<() => Promise<void>> {
  const marks: (() => Promise<void>)[] = []
  ctx.state[marking] = marks
  try {
    await handler(ctx)
  } finally {
    delete ctx.state[marking]
  }
  return async () => {
    for (const mark of marks) await mark()
  }
}

/**
 * Wraps the grant of something that is used once. Of requests at once one has it, in all processes together; the others come after it and
 * find it used.
 *
 * @param parameter - Of the request, with the thing.
 */
export function spendLast(parameter: string, locks: Locks, handler: GrantHandler): GrantHandler {
  return async ctx => {
    const value = ctx.oidc.params[parameter]
    if (typeof value !== 'string' || value === '') return handler(ctx)
    await locks.alone(hash('sha256', value, 'base64url'), async () => {
      const mark = await withMarksLast(ctx, handler)
      await mark()
    })
  }
}
