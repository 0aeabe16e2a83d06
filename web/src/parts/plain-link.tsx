// A link to a page of ours, in Fluent's look. For a button that leads somewhere: LinkButton; for a document: DocLink.

import { Button, type ButtonProps, Link as FluentLink } from "@fluentui/react-components";
import { createLink, useRouter } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, type MouseEvent, type ReactNode, type Ref } from "react";

type AnchorProps = AnchorHTMLAttributes<HTMLAnchorElement> & { readonly ref?: Ref<HTMLAnchorElement> };

/** With the router's own typed `to`, `params` and `search`. */
export const PageLink = createLink(({ children, ...props }: AnchorProps) => (
  <FluentLink {...(props as object)} as="a">
    {children}
  </FluentLink>
));

/** For a path that is known only when it runs. */
export function PlainLink({
  to,
  children,
  className,
}: {
  readonly to: string;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const go = useGo(to);
  return (
    <FluentLink href={to} onClick={go} {...(className === undefined ? {} : { className })}>
      {children}
    </FluentLink>
  );
}

/** A document of this release, in a tab of its own: what is typed here stays. */
export function DocLink({ file, children }: { readonly file: `${string}.md`; readonly children: ReactNode }) {
  return (
    <FluentLink href={`/docs/${file}`} target="_blank" rel="noopener" inline>
      {children}
    </FluentLink>
  );
}

/** A button's look, a link's behaviour. */
export function LinkButton({
  to,
  ...props
}: Pick<ButtonProps, "appearance" | "icon" | "iconPosition" | "size" | "className"> & {
  readonly to: string;
  readonly children?: ReactNode;
}) {
  const go = useGo(to);
  return <Button {...props} as="a" href={to} onClick={go} />;
}

function useGo(to: string) {
  const router = useRouter();
  return (event: MouseEvent): void => {
    // With a modifier the browser opens it elsewhere, by itself.
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    router.history.push(to);
  };
}
