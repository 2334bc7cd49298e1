using Microsoft.AspNetCore.Http;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>Tells the gateway that nothing of a request was done here and another instance may be able to: it never reaches a caller.</summary>
public static class NotTaken
{
    public const string Header = "X-Ops-Not-Taken";

    internal static void SetNotTaken(this HttpResponse response) => response.Headers[Header] = "1";
}
