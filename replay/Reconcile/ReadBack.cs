using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Replay.Reconcile;

/// <summary>Reads lists of the API to their end.</summary>
internal static class ReadBack
{
    private const int PageSize = 200;

    /// <exception cref="ServicesException">The service hands out the same cursor again.</exception>
    public static async Task<List<T>> All<T>(GatewayClient client, string path, CancellationToken cancel)
    {
        var all = new List<T>();
        var seen = new HashSet<string>();

        for (string? cursor = null; ;)
        {
            var page = await client.Get<PageOf<T>>(
                $"{path}?limit={PageSize}" + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}"), cancel);
            all.AddRange(page.Items);

            if (page.NextCursor is null)
            {
                return all;
            }

            cursor = page.NextCursor;

            if (!seen.Add(cursor))
            {
                throw new ServicesException($"/{path} gave the cursor '{cursor}' twice; its pages never end");
            }
        }
    }
}
