// The session has ended while a page was open: by itself after a while, or an Administrator ended it. The page is hidden until
// the same user signs in again, and then goes on where it was, with what was typed into it. (Who signs out leaves nothing:
// session.ts.)

import {
  Dialog,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Link,
  Text,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { FocusBack } from "../parts/focus-back.ts";
import { SignInForm } from "./sign-in-form.tsx";

const useStyles = makeStyles({
  // Nobody who passes by reads what the page showed.
  backdrop: { backgroundColor: tokens.colorNeutralBackground2 },
  surface: { maxWidth: "400px" },
  content: { display: "flex", flexDirection: "column", rowGap: "16px" },
});

export function SignInAgain({ name }: { readonly name: string }) {
  const styles = useStyles();
  return (
    <Dialog modalType="alert" open>
      <DialogSurface className={styles.surface} backdrop={{ className: styles.backdrop }}>
        <FocusBack />
        <DialogBody>
          <DialogTitle>Sign in again</DialogTitle>
          <DialogContent className={styles.content}>
            <Text>
              Your session has ended. Sign in as {name} and go on where you were; nothing that you typed is lost.
            </Text>
            <SignInForm presentName={name} />
            {/* Loaded anew, so that nothing of this page stays. */}
            <Link href="/sign-in">Sign in as somebody else</Link>
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
