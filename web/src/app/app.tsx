import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { FrontDoor, JoinPage } from "../features/front-door";
import { Progress } from "../features/ended";
import { useStore } from "../kit/use-store";
import type { Navigation } from "./navigation";

// Everything a meeting needs, fetched only by those who come with an invitation.
const Visit = lazy(() => import("../features/visit"));

export function App({ navigation }: { readonly navigation: Navigation }) {
  const { t } = useTranslation();
  const route = useStore(navigation);
  const title = t("app.name");
  useEffect(() => {
    // A meeting names the page itself.
    if (route.at !== "visit") document.title = title;
  }, [route, title]);
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
            onHome={navigation.goHome}
            holdBack={navigation.holdBack}
          />
        </Suspense>
      );
    default:
      return route satisfies never;
  }
}
