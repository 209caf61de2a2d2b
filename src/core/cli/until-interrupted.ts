/** Waits for a program that runs until it is ended: Ctrl-C at a question ends it like any other. */
export async function untilInterrupted(ended: Promise<void>): Promise<void> {
  try {
    await ended;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ExitPromptError')) throw error;
  }
}
