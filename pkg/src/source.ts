/** Tells a source that nothing more will be read, and gives its lock back. Its answer is of no interest. */
export function cancelSource(source: unknown): void {
  const methods = (source ?? {}) as Record<string, unknown>;
  const call = async (name: string): Promise<unknown> => (methods[name] as () => unknown).call(source);
  const names = typeof methods["releaseLock"] === "function" ? ["cancel", "releaseLock"] : ["return"];
  for (const name of names) call(name).catch(() => {});
}
