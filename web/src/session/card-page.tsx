// The frame of the pages before one is signed in.

import { Title3, makeStyles, tokens } from "@fluentui/react-components";
import { type ReactNode, useEffect } from "react";

const useStyles = makeStyles({
  page: {
    minHeight: "100vh",
    display: "flex",
    flexDirection: "column",
    alignItems: "center",
    justifyContent: "center",
    padding: "24px 14px",
    boxSizing: "border-box",
    backgroundColor: tokens.colorNeutralBackground2,
  },
  card: {
    width: "100%",
    maxWidth: "400px",
    boxSizing: "border-box",
    padding: "28px",
    display: "flex",
    flexDirection: "column",
    rowGap: "18px",
    borderRadius: tokens.borderRadiusLarge,
    boxShadow: tokens.shadow8,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  top: { display: "flex", alignItems: "center", columnGap: "12px" },
  title: { margin: 0 },
});

export function CardPage({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const styles = useStyles();
  useEffect(() => {
    document.title = `${title} · Coldpath`;
  }, [title]);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <div className={styles.top}>
          <img src="/icon.svg" alt="" width={36} height={36} />
          <Title3 as="h1" className={styles.title}>
            {title}
          </Title3>
        </div>
        {children}
      </div>
    </main>
  );
}
