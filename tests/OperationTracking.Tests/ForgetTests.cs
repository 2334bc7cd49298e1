using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class ForgetTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task What_ended_ninety_days_ago_is_forgotten_and_its_timeline_stays()
    {
        var old = _desk.Operation(change: x => x with { QueuedAt = DateTimeOffset.UtcNow.AddDays(-92) });
        await _desk.Say(_desk.End(old, change: x => x with { EndedAt = DateTimeOffset.UtcNow.AddDays(-91) }));
        await _desk.Shows(old.OperationId, x => x.Text("status") == "completed");
        var young = _desk.Operation(change: x => x with { QueuedAt = DateTimeOffset.UtcNow.AddDays(-92) });
        await _desk.Say(_desk.End(young, change: x => x with { EndedAt = DateTimeOffset.UtcNow.AddDays(-89) }));
        await _desk.Shows(young.OperationId, x => x.Text("status") == "completed");
        var running = await _desk.Running(x => x with { QueuedAt = DateTimeOffset.UtcNow.AddDays(-200) });

        await _desk.Execute($"INSERT INTO bulk_items (bulk_id, operation_id, asked_at) SELECT '{old.OperationId}', gen_random_uuid(), now() - interval '1 day' * days FROM unnest(ARRAY[89, 91]) AS days");

        await service.Services.GetRequiredService<ForgetOperations>().Run(CancellationToken.None);
        await _desk.Get($"/operations/{old.OperationId}", System.Net.HttpStatusCode.NotFound);
        await _desk.Get(young.OperationId);
        await _desk.Get(running.OperationId);
        (await _desk.Sql<long>($"SELECT count(*) FROM bulk_items WHERE bulk_id = '{old.OperationId}'")).ShouldBe(1);
        (await _desk.Sql<long>($"SELECT count(*) FROM operation_tags WHERE operation_id = '{old.OperationId}'")).ShouldBe(0);
        (await _desk.Sql<long>($"SELECT count(*) FROM timeline WHERE operation_id = '{old.OperationId}'")).ShouldBe(2);
    }
}
