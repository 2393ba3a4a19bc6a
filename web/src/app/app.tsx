import { lazy, Suspense } from "react";
import { FrontDoor, JoinPage } from "../features/front-door";
import { Progress } from "../features/ended";
import { useStore } from "../kit/use-store";
import type { Navigation } from "./navigation";

// Everything a meeting needs, fetched only by those who come with an invitation.
const Visit = lazy(() => import("../features/visit"));

export function App({ navigation }: { readonly navigation: Navigation }) {
  const route = useStore(navigation);
  switch (route.at) {
    case "front-door":
      return <FrontDoor go={navigation.go} />;
    case "join":
      return <JoinPage code={route.code} go={navigation.go} />;
    case "visit":
      return (
        <Suspense fallback={<Progress step="checking" />}>
          <Visit
            key={route.token}
            token={route.token}
            onToken={navigation.keepToken}
            onHome={() => navigation.go("/")}
          />
        </Suspense>
      );
    default:
      return route satisfies never;
  }
}
