using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.Registry.Routes;

/// <summary>Tells the gateways that wait at this replica that the list may have changed: wake it after the commit. Changes made at another replica are found by a poll.</summary>
internal sealed class RouteSignal : Signal;
